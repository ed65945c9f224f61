/**
 * The parts of the documents that are written from the sources.
 *
 * Each stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. `npm run docs` writes them; a test
 * compares them, so a document that fell behind fails the check.
 */

import { ENVIRONMENT, METRICS, mirrorsFileSchema, type MetricFacts } from "@gitsync/runtime";
import {
  bootstrapRequestSchema,
  fetchRequestSchema,
  fetchResultSchema,
  probeRequestSchema,
  probeResultSchema,
  syncRequestSchema,
  syncResultSchema,
  type JsonSchema,
} from "@gitsync/engine/schema";
import { REFUSALS } from "@gitsync/engine/unstable";
import { PROBLEMS } from "@gitsync/gateway";
import { commandHelp, COMMANDS, overviewHelp } from "@gitsync/cli";
import { exists, readJson, readText, workspaces, type Workspace } from "./repository.ts";

/** A part of a document with the text that it should have. */
export interface GeneratedSection {
  readonly document: string;
  readonly name: string;
  readonly text: string;
}

interface TurboConfig {
  readonly tags?: readonly string[];
  readonly boundaries?: {
    readonly tags: Readonly<Record<string, { readonly dependencies: { readonly allow: readonly string[] } }>>;
  };
}

const SCOPE = "@gitsync/";

export function generatedSections(): readonly GeneratedSection[] {
  return [
    { document: "docs/architecture.md", name: "imports", text: importTable() },
    { document: "docs/configuration.md", name: "environment", text: environmentTable() },
    { document: "docs/configuration.md", name: "mirrors file", text: mirrorsFileTable() },
    { document: "docs/cli.md", name: "help", text: commandLineHelp() },
    { document: "docs/http.md", name: "problems", text: problemTable() },
    { document: "docs/operations.md", name: "metrics", text: everyMetricTable() },
    { document: "docs/requests.md", name: "fields", text: requestTables() },
    { document: "docs/refusals.md", name: "refusals", text: refusalTable() },
    { document: "docs/surface.md", name: "surface", text: surface() },
  ];
}

/** `document` with the section's text in its place. */
export function withSection(document: string, { name, text }: GeneratedSection): string {
  const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
  const from = document.indexOf(start);
  const to = document.indexOf(end);
  if (from === -1 || to < from) throw new Error(`The document lacks ${start} … ${end}`);
  return `${document.slice(0, from + start.length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}

/** One row per package: what it is, what it names, what `turbo boundaries` lets it reach through others. */
function importTable(): string {
  const allowed = readJson<TurboConfig>("turbo.json").boundaries?.tags ?? {};
  const rows = workspaces().map(({ folder, manifest }) => {
    const tag = readJson<TurboConfig>(`${folder}/turbo.json`).tags?.[0] ?? "";
    const direct = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith(SCOPE));
    const names = direct.map((name) => name.slice(SCOPE.length));
    const through = (allowed[tag]?.dependencies.allow ?? []).filter((name) => !names.includes(name));
    return `| \`${folder}\` | ${manifest.description ?? "tests that need two packages or a server"} | ${list(names)} | ${list(through)} |`;
  });
  return ["| Package | Is | Names | May also reach |", "|---|---|---|---|", ...rows].join("\n");
}

function list(names: readonly string[]): string {
  return names.length === 0
    ? "nothing"
    : names
        .toSorted()
        .map((name) => `\`${name}\``)
        .join(", ");
}

/** Every variable that is read. */
function environmentTable(): string {
  const rows = ENVIRONMENT.map(({ name, default: value, meaning, scope }) => {
    const readBy = { "every-process": "every process", "run-now": "run now", standard: "standard" }[scope];
    return `| \`${name}\` | ${value} | ${meaning} | ${readBy} |`;
  });
  return ["| Variable | Default | Meaning | Read by |", "|---|---|---|---|", ...rows].join("\n");
}

/** Every metric, whoever counts it. */
function everyMetricTable(): string {
  const rows = Object.entries<MetricFacts>(METRICS).map(([name, { kind, labels, meaning, of }]) => {
    const known = labels.map((label) => `\`${label}\``).join(" ");
    return `| \`${name}\` | ${kind} | ${known} | ${meaning} | ${of === "fleet" ? "the fleet" : "each process"} |`;
  });
  return ["| Metric | Kind | Labels | Meaning | Counted for |", "|---|---|---|---|---|", ...rows].join("\n");
}

/** Every key of the mirrors file, from the schema that validates it. */
function mirrorsFileTable(): string {
  const rows = keysOf(mirrorsFileSchema, "").map(({ path, schema, required }) => {
    const value =
      schema.default === undefined ? (required ? "required" : "") : `\`${JSON.stringify(schema.default)}\``;
    const meaning = [schema.title, schema.description, choicesOf(schema)].filter(Boolean).join("; ");
    return `| \`${path}\` | ${value} | ${meaning.replaceAll("|", "\\|")} |`;
  });
  return ["| Key | Default | Meaning |", "|---|---|---|", ...new Set(rows)].join("\n");
}

/** The words that a key takes. */
function choicesOf(schema: JsonSchema): string {
  if ("anyOf" in schema) return schema.anyOf.map(choicesOf).filter(Boolean).join(", ");
  if (schema.type === "array") return choicesOf(schema.items);
  return "enum" in schema && schema.enum !== undefined
    ? schema.enum.map((word) => `\`${String(word)}\``).join(" ")
    : "";
}

export interface DocumentedKey {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Every key that may stand below `path`, in the order of the schema; one may come up more than once. */
export function keysOf(schema: JsonSchema, path: string): readonly DocumentedKey[] {
  if ("anyOf" in schema) return schema.anyOf.flatMap((option) => keysOf(option, path));
  if (schema.type === "array") return keysOf(schema.items, `${path}[]`);
  if (schema.type !== "object") return [];
  if (!("properties" in schema)) return keysOf(schema.additionalProperties, `${path}.NAME`);
  return Object.entries(schema.properties).flatMap(([name, member]) => {
    const key = path === "" ? name : `${path}.${name}`;
    return [
      { path: key, schema: member, required: schema.required?.includes(name) ?? false },
      ...keysOf(member, key),
    ];
  });
}

/** What `git-sync help` and `git-sync help COMMAND` print. */
function commandLineHelp(): string {
  const sections = COMMANDS.map(
    (command) => `## git-sync ${command.name}\n\n${verbatim(commandHelp(command))}`,
  );
  return [verbatim(overviewHelp(COMMANDS)), ...sections].join("\n\n");
}

/** Every problem that the gateway states. */
function problemTable(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) => `| ${status} | \`${code}\` | ${title} |`,
  );
  return ["| Status | Code | Says |", "|---|---|---|", ...rows].join("\n");
}

/** Every field of every request and result of the library, from the schemas that check them. */
function requestTables(): string {
  return [
    fieldTable("`sync`, `replicate` and `plan` take", syncRequestSchema),
    fieldTable("`probe` takes", probeRequestSchema),
    fieldTable("`bootstrap` takes", bootstrapRequestSchema),
    fieldTable("`fetch` takes", fetchRequestSchema),
    fieldTable("`sync`, `replicate`, `plan` and `bootstrap` give", syncResultSchema),
    fieldTable("`probe` gives", probeResultSchema),
    fieldTable("`fetch` gives", fetchResultSchema),
  ].join("\n\n");
}

function fieldTable(title: string, schema: JsonSchema): string {
  const rows = keysOf(schema, "").map(({ path, schema: field, required }) => {
    const standard =
      field.default === undefined ? (required ? "required" : "") : `\`${JSON.stringify(field.default)}\``;
    const meaning = [field.title, field.description].filter((text) => text !== undefined).join("; ");
    return `| \`${path}\` | ${kindOf(field)} | ${standard} | ${meaning.replaceAll("|", "\\|")} |`;
  });
  return [`## ${title}`, "", "| Field | Is | Default | Meaning |", "|---|---|---|---|", ...rows].join("\n");
}

/** `text`, `whole number`, `list of text`, or the words that it may be. */
function kindOf(schema: JsonSchema): string {
  if ("anyOf" in schema) return schema.anyOf.map(kindOf).join(" or ");
  if ("enum" in schema && schema.enum !== undefined)
    return schema.enum.map((word) => `\`${word}\``).join(" ");
  switch (schema.type) {
    case "array":
      return `list of ${kindOf(schema.items)}`;
    case "object":
      return "properties" in schema ? "object" : `map of ${kindOf(schema.additionalProperties)}`;
    case "string":
      return "text";
    case "integer":
      return "whole number";
    case "number":
    case "boolean":
    case "null":
      return schema.type;
  }
}

/** Every code of a refusal, and below it the words that it is known by. */
function refusalTable(): string {
  const rows = REFUSALS.map(
    ({ code, meaning, remedy, isLasting }) =>
      `| \`${code}\` | ${meaning} | ${remedy} | ${isLasting ? "no" : "yes"} |`,
  );
  const words = REFUSALS.flatMap(({ code, says }) =>
    says.map(([host, text]) => `| \`${code}\` | ${host} | ${inCode(text)} |`),
  );
  return [
    "| Code | Means | Remedy | May pass the next time |",
    "|---|---|---|---|",
    ...rows,
    "",
    "| Code | From | Words |",
    "|---|---|---|",
    ...words,
  ].join("\n");
}

/** Code on one line, in fences that it does not hold itself. */
function inCode(text: string): string {
  const line = text.replaceAll("\n", " ").replaceAll("|", "\\|");
  return line.includes("`") ? `\`\` ${line} \`\`` : `\`${line}\``;
}

function verbatim(text: string): string {
  return `\`\`\`text\n${text.trim()}\n\`\`\``;
}

/** What each package exports, read from its `index.ts`, which lists its names by hand. */
function surface(): string {
  return workspaces()
    .filter(({ manifest }) => manifest.private !== true)
    .map((workspace) => ({ name: workspace.manifest.name, entries: entriesOf(workspace) }))
    .filter(({ entries }) => entries !== "")
    .map(({ name, entries }) => `## ${name}\n\n${entries}`)
    .join("\n\n");
}

function entriesOf({ folder, manifest }: Workspace): string {
  return Object.entries(manifest.exports ?? {})
    .flatMap(([path, target]) => {
      const source = typeof target === "string" ? undefined : target["@gitsync/source"];
      if (source === undefined || !exists(`${folder}/${source}`)) return [];
      const { values, types } = exportedNames(readText(`${folder}/${source.slice(2)}`));
      const head = `\`${manifest.name}${path.slice(1)}\``;
      return [
        [
          head,
          values.length > 0 ? `values ${quoted(values)}` : "",
          types.length > 0 ? `types ${quoted(types)}` : "",
        ]
          .filter((part) => part !== "")
          .join("\n- ")
          .replace("\n", "\n\n"),
      ];
    })
    .join("\n\n");
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(" ");
}

/** The names of `export { … }` and `export type { … }` lists, sorted. */
export function exportedNames(source: string): { readonly values: string[]; readonly types: string[] } {
  const values: string[] = [];
  const types: string[] = [];
  for (const [, keyword, names = ""] of source.matchAll(/^export (type )?\{([^}]*)\}/gmu)) {
    for (const item of names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")) {
      const isType = keyword !== undefined || item.startsWith("type ");
      const name = item.replace(/^type /u, "").replace(/^.* as /u, "");
      (isType ? types : values).push(name);
    }
  }
  for (const [, keyword = "", name = ""] of source.matchAll(
    /^export (?:async )?(const|function\*?|class|type|interface) (\w+)/gmu,
  )) {
    (keyword === "type" || keyword === "interface" ? types : values).push(name);
  }
  return { values: values.sort(), types: types.sort() };
}
