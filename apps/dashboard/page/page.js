/**
 * The dashboard: recent jobs with their state, and the refs of a job that is opened. Asks the API and nobody else.
 *
 * Everything from the API is put in as text, never as markup. The token lives in one variable of this module.
 */

const POLL_MS = 2_000;
const LIMIT = 50;

const element = (id) => document.getElementById(id);
const [status, form, tokenInput, empty, list] = ["status", "token-form", "token", "empty", "jobs"].map(
  element,
);

/** Rows by job id, so that a poll changes what is there instead of closing what is open. */
const rows = new Map();
let token = "";
let timer = 0;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenInput.value.trim();
  tokenInput.value = "";
  void poll();
});
document.addEventListener("visibilitychange", () => void poll());
void poll();

async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const { jobs } = await ask(`/v1/jobs?limit=${LIMIT}`);
    form.hidden = true;
    showJobs(jobs);
    await Promise.all(jobs.filter((job) => rows.get(job.id)?.details.open).map(showDetails));
    say(
      `${jobs.length === LIMIT ? `The last ${LIMIT}` : jobs.length} jobs, ${new Date().toLocaleTimeString()}`,
    );
  } catch (error) {
    say(error.message, true);
    if (error.needsToken) {
      form.hidden = false;
      return;
    }
  }
  // Coming back to the page may have begun a second poll meanwhile: one timer goes on.
  clearTimeout(timer);
  timer = setTimeout(() => void poll(), POLL_MS);
}

async function ask(path) {
  const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  let response;
  try {
    response = await fetch(path, { headers, cache: "no-store" });
  } catch {
    throw new Error("The gateway does not answer; what is shown may be old");
  }
  const body = await response.json();
  if (response.ok) return body;
  const refusal = new Error(`${body.title}. ${body.detail}`);
  refusal.needsToken = response.status === 401;
  throw refusal;
}

function showJobs(jobs) {
  const shown = new Set(jobs.map((job) => job.id));
  for (const [id, row] of rows) {
    if (shown.has(id)) continue;
    row.item.remove();
    rows.delete(id);
  }
  jobs.forEach((job, index) => {
    const row = rows.get(job.id) ?? addRow(job);
    showSummary(row, job);
    if (list.children[index] !== row.item) list.insertBefore(row.item, list.children[index] ?? null);
  });
  empty.hidden = jobs.length > 0;
}

function addRow(job) {
  const item = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const [state, target, facts, more] = ["state", "target", "facts", "more"].map((name) => {
    const part = document.createElement(name === "more" ? "div" : "span");
    part.className = name;
    return part;
  });
  summary.append(state, target, facts);
  details.append(summary, more);
  item.append(details);
  const row = { item, details, state, target, facts, more };
  rows.set(job.id, row);
  details.addEventListener("toggle", () => {
    if (details.open) showDetails(job).catch((error) => say(error.message, true));
  });
  return row;
}

function showSummary(row, job) {
  const degraded = job.state === "completed" && job.outcome === "degraded";
  const state = degraded ? "degraded" : job.state;
  row.state.textContent = state;
  row.state.className = `state ${state}`;
  row.target.textContent = job.target;
  row.facts.textContent = [amounts(job.counts), duration(job), new Date(job.createdAt).toLocaleString()]
    .filter((fact) => fact !== "")
    .join(" · ");
}

async function showDetails({ id }) {
  const job = await ask(`/v1/jobs/${encodeURIComponent(id)}`);
  const more = rows.get(id)?.more;
  if (more === undefined) return;
  const result = job.report?.result;
  const error = job.error ?? job.report?.error;
  more.replaceChildren(
    paragraph(
      "facts",
      `job ${job.id} · route ${job.route} · asked for by ${job.trigger} · attempt ${job.attempt}`,
    ),
    ...(job.report?.traceId ? [paragraph("facts", `trace ${job.report.traceId}`)] : []),
    ...(job.progress && job.state === "active" ? [paragraph("", progressText(job.progress))] : []),
    ...(error ? [paragraph("error", `${error.message} [${error.code}]`), paragraph("", error.remedy)] : []),
    ...(result ? [refsTable(result)] : []),
  );
}

function refsTable({ refs, counts, truncated }) {
  if (refs.length === 0) return paragraph("", `Nothing to do: ${counts.skipped} refs already equal`);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["action", "ref", "from", "to", "outcome", "reason"]) {
    const cell = document.createElement("th");
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const ref of refs) {
    const line = body.insertRow();
    const values = [
      ref.action,
      ref.targetRef,
      short(ref.targetHash),
      short(ref.sourceHash),
      ref.outcome,
      ref.reason,
    ];
    for (const value of values) line.insertCell().textContent = value;
  }
  if (truncated) body.insertRow().insertCell().textContent = "… and more";
  return table;
}

function paragraph(className, text) {
  const element_ = document.createElement("p");
  element_.className = className;
  element_.textContent = text;
  return element_;
}

function amounts(counts) {
  if (counts === undefined) return "";
  const parts = ["applied", "blocked", "refused", "warned", "unknown"].filter((name) => counts[name] > 0);
  return parts.length === 0 ? "nothing to do" : parts.map((name) => `${counts[name]} ${name}`).join(", ");
}

function duration({ startedAt, finishedAt }) {
  if (startedAt === undefined || finishedAt === undefined) return "";
  return `${((finishedAt - startedAt) / 1000).toFixed(1)} s`;
}

function progressText({ phase, sourceBytes, targetBytes, bytesPerSecond }) {
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  return `${phase}: ${megabytes(sourceBytes)} read, ${megabytes(targetBytes)} written, ${megabytes(bytesPerSecond)}/s`;
}

function short(hash) {
  return hash === "" ? "-" : hash.slice(0, 8);
}

function say(text, trouble = false) {
  status.textContent = text;
  status.className = trouble ? "trouble" : "";
}
