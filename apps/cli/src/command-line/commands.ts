/** Every command, described. Importing this imports no code of a command. */

import type { Command } from "./command.ts";
import { ENDPOINT_FLAGS, POLICY_FLAGS, REPORT_FLAGS, SCOPE_FLAGS, type FlagName } from "./flags.ts";

const SOURCE = {
  name: "source",
  description: "https://, http://, ssh://, git:// or file:// URL, host:path, or a local path",
  required: true,
  flag: "source-url",
} as const;
const TARGET = {
  name: "target",
  description: "the same; a local path that does not exist yet becomes a bare repository",
  required: true,
  flag: "target-url",
} as const;

const SOURCE_FLAGS = ENDPOINT_FLAGS.filter((flag) => flag.startsWith("source-"));
const LIMIT_FLAGS = [
  "max-pack-bytes",
  "target-max-pack-bytes",
  "target-max-ref-updates",
  "bootstrap-strategy",
] as const satisfies readonly FlagName[];
const RUN_FLAGS = [
  ...ENDPOINT_FLAGS,
  ...SCOPE_FLAGS,
  ...POLICY_FLAGS,
  ...LIMIT_FLAGS,
  ...REPORT_FLAGS,
] as const;
const SERVE_FLAGS = ["queue", "config"] as const satisfies readonly FlagName[];

/** In the order of the help. */
export const COMMANDS: readonly Command[] = Object.freeze([
  {
    name: "mirror",
    summary: "Make the target equal to the source: one job through the queue, waited for",
    details: [
      "Replicates heads and tags: the target's refs are overwritten, other refs are left alone, nothing is deleted",
      "without --prune, and a ref that the target refuses does not stop the others.",
    ],
    positionals: [SOURCE, TARGET],
    flags: [...RUN_FLAGS, "queue"],
    examples: [
      "git-sync mirror . ../backup.git",
      "GITSYNC_TARGET_TOKEN=… git-sync mirror https://example.com/a.git https://backup.example.com/a.git",
    ],
    load: async () => (await import("../commands/mirror.ts")).runMirror,
  },
  {
    name: "sync",
    summary: "Move the target's refs forward to the source's, now and in this process",
    details: ["A ref that is not a fast-forward blocks the run before anything is pushed."],
    positionals: [SOURCE, TARGET],
    flags: RUN_FLAGS,
    examples: ["git-sync sync --tags https://example.com/a.git /srv/git/a.git"],
    load: async () => (await import("../commands/sync.ts")).runSync,
  },
  {
    name: "replicate",
    summary: "Make the target's refs equal to the source's whatever they were, now and in this process",
    details: ["Overwrites: the target's own history does not count. Deletes only with --prune."],
    positionals: [SOURCE, TARGET],
    flags: RUN_FLAGS.filter((flag) => flag !== "force-with-lease"),
    examples: ["git-sync replicate --tags --prune https://example.com/a.git /srv/git/a.git"],
    load: async () => (await import("../commands/sync.ts")).runReplicate,
  },
  {
    name: "plan",
    summary: "Say what sync or replicate would do, and change nothing",
    details: [],
    positionals: [SOURCE, TARGET],
    flags: ["mode", ...RUN_FLAGS],
    examples: ["git-sync plan --mode replicate --tags https://example.com/a.git /srv/git/a.git"],
    load: async () => (await import("../commands/sync.ts")).runPlan,
  },
  {
    name: "probe",
    summary: "List what a source offers, and what a target can do",
    details: [],
    positionals: [SOURCE, { ...TARGET, required: false }],
    flags: [...ENDPOINT_FLAGS, "tags", "all-refs", "exclude-ref-prefix", "protocol", ...REPORT_FLAGS],
    examples: ["git-sync probe --json https://example.com/a.git"],
    load: async () => (await import("../commands/probe.ts")).runProbe,
  },
  {
    name: "enqueue",
    summary: "Put a sync on the queue for the workers of the fleet",
    details: [
      "One argument is a mirror of the fleet, or a route of it; two are a source and a target that nobody configured.",
      "The workers use their own credentials and their own rules about addresses; --wait reports what they did.",
    ],
    positionals: [
      { ...SOURCE, description: "a mirror or a route of the fleet; or a repository, with a target" },
      { ...TARGET, required: false },
    ],
    flags: [
      "source-url",
      "source-follow-info-refs-redirect",
      "target-url",
      "target-follow-info-refs-redirect",
      ...SCOPE_FLAGS,
      "mode",
      ...POLICY_FLAGS,
      "wait",
      "json",
      "verbose",
      "queue",
    ],
    examples: [
      "git-sync enqueue docs --wait",
      "git-sync enqueue --queue redis://queue.example.com --wait https://example.com/a.git /srv/git/a.git",
    ],
    load: async () => (await import("../commands/enqueue.ts")).runEnqueue,
  },
  {
    name: "jobs",
    summary: "Look at the jobs of the queue and steer them",
    details: ["Actions: list (default), show ID, cancel ID, retry ID."],
    positionals: [
      {
        name: "action",
        description: "list, show, cancel or retry",
        required: false,
        choices: ["list", "show", "cancel", "retry"],
      },
      { name: "id", description: "the job, as list prints it", required: false },
    ],
    flags: ["state", "limit", "json", "verbose", "queue"],
    examples: ["git-sync jobs", "git-sync jobs list --state failed --json", "git-sync jobs retry 17"],
    load: async () => (await import("../commands/jobs.ts")).runJobs,
  },
  {
    name: "mirrors",
    summary: "Look at the mirrors of the fleet, steer them, and check their configuration",
    details: [
      "list (default), show ID, pause ID and resume ID ask the queue's store; ID is a mirror, or one of its routes.",
      "check reads the file and what it includes, and lists every fault with its line; then it asks each source and",
      "each target what the fleet would ask them, with the same credentials, and changes nothing. Its exit status: 2",
      "when the file has faults, 1 when a repository cannot be used, else 0.",
      "approve ROUTE --plan HASH lets the next run delete what the last one found to be too much; that run named the plan.",
      "schema prints the JSON Schema of the file, for editors.",
    ],
    positionals: [
      {
        name: "action",
        description: "list, show, pause, resume, approve, check or schema",
        required: false,
        choices: ["list", "show", "pause", "resume", "approve", "check", "schema"],
      },
      { name: "id", description: "a mirror or a route, as list prints it", required: false },
    ],
    flags: ["queue", "config", "offline", "plan", "json"],
    examples: [
      "git-sync mirrors",
      "git-sync mirrors pause docs --queue redis://queue.example.com",
      "git-sync mirrors approve docs/backup --plan 0123456789abcdef",
      "git-sync mirrors check --config mirrors.yaml",
      "git-sync mirrors schema > mirrors.schema.json",
    ],
    load: async () => (await import("../commands/mirrors.ts")).runMirrors,
  },
  {
    name: "hooks",
    summary: "See whether webhooks come, and try one as its forge would send it",
    details: [
      "health (default) tells of each mirror of the file that a webhook is set up for when one was heard last, and how many",
      "changes only the schedule found. Exit status: 1 when webhooks are missing, else 0.",
      "test MIRROR delivers a push to the gateway, signed with the first secret that the file names, and prints the answer.",
      "Exit status: 0 when the delivery was accepted, else 1. A run of the mirror follows.",
    ],
    positionals: [
      { name: "action", description: "health or test", required: false, choices: ["health", "test"] },
      { name: "id", description: "a mirror of the file", required: false },
    ],
    flags: ["queue", "config", "gateway", "provider", "json"],
    examples: [
      "git-sync hooks health --config mirrors.yaml --queue redis://queue.example.com",
      "git-sync hooks test docs --config mirrors.yaml --gateway https://sync.example.com",
    ],
    load: async () => (await import("../commands/hooks.ts")).runHooks,
  },
  {
    name: "worker",
    summary: "Take jobs off the queue and run them, until Ctrl-C",
    details: ["Reaches public addresses only, and what the configuration allows under egress."],
    positionals: [],
    flags: [...SERVE_FLAGS, "concurrency"],
    examples: ["git-sync worker --queue redis://queue.example.com --config mirrors.yaml"],
    load: async () => (await import("../commands/serve.ts")).runWorker,
  },
  {
    name: "gateway",
    summary: "Serve the API and the dashboard, until Ctrl-C",
    details: ["Listens beyond this machine only with GITSYNC_API_TOKEN set."],
    positionals: [],
    flags: [...SERVE_FLAGS, "listen", "adhoc"],
    examples: [
      "GITSYNC_API_TOKEN=… git-sync gateway --listen 0.0.0.0:8080 --queue redis://queue.example.com",
    ],
    load: async () => (await import("../commands/serve.ts")).runGateway,
  },
  {
    name: "up",
    summary: "Gateway and worker in one process, until Ctrl-C",
    details: ["On the embedded queue unless one is named."],
    positionals: [],
    flags: [...SERVE_FLAGS, "listen", "adhoc", "concurrency"],
    examples: ["git-sync up --adhoc --config mirrors.yaml"],
    load: async () => (await import("../commands/serve.ts")).runUp,
  },
  {
    name: "bootstrap",
    summary: "Fill a target for the first time: make refs, and change none",
    details: [
      "A ref that the target has with another value blocks the run. What does not fit into one push goes in batches,",
      "and a run that was cut short is taken up where it was.",
    ],
    positionals: [SOURCE, TARGET],
    flags: [...ENDPOINT_FLAGS, ...SCOPE_FLAGS, "best-effort", "protocol", ...LIMIT_FLAGS, ...REPORT_FLAGS],
    examples: ["git-sync bootstrap --tags https://example.com/a.git https://backup.example.com/a.git"],
    load: async () => (await import("../commands/bootstrap.ts")).runBootstrap,
  },
  {
    name: "fetch",
    summary: "Download what somebody who has some objects would be sent, count it and forget it",
    details: ["Shows whether a source can be read whole, and what an update would cost. Writes nothing."],
    positionals: [SOURCE],
    flags: [
      ...SOURCE_FLAGS,
      ...SCOPE_FLAGS,
      "have",
      "have-ref",
      "protocol",
      "max-pack-bytes",
      ...REPORT_FLAGS.filter((flag) => flag !== "verbose"),
    ],
    examples: ["git-sync fetch --branch main --have-ref refs/tags/v1.0 https://example.com/a.git"],
    load: async () => (await import("../commands/fetch.ts")).runFetch,
  },
  {
    name: "bench",
    summary: "Measure mirrors of a source into fresh local targets",
    details: [
      "Each run makes a bare repository of its own. With --compare-git the same is done by git clone and git push, and",
      "the ratio is told, which says more than a time of this machine alone. Also installed as git-sync-bench.",
    ],
    positionals: [SOURCE],
    flags: [
      "scenario",
      "repeat",
      "work-dir",
      "keep-targets",
      "compare-git",
      ...SOURCE_FLAGS,
      ...SCOPE_FLAGS.filter((flag) => flag !== "tags"),
      "protocol",
      ...LIMIT_FLAGS,
      "progress",
      "json",
    ],
    examples: ["git-sync bench --repeat 5 --compare-git https://example.com/a.git"],
    load: async () => (await import("../commands/bench.ts")).runBench,
  },
  {
    name: "completion",
    summary: "Print the script that completes git-sync's words in a shell",
    details: [
      "bash: git-sync completion bash > ~/.local/share/bash-completion/completions/git-sync",
      "zsh: git-sync completion zsh > a folder of your $fpath/_git-sync",
      "fish: git-sync completion fish > ~/.config/fish/completions/git-sync.fish",
    ],
    positionals: [
      {
        name: "shell",
        description: "bash, zsh or fish",
        required: true,
        choices: ["bash", "zsh", "fish"],
      },
    ],
    flags: [],
    examples: ["git-sync completion bash", 'eval "$(git-sync completion bash)"'],
    load: async () => (await import("../commands/completion.ts")).runCompletion,
  },
  {
    name: "version",
    summary: "Print the version",
    details: [],
    positionals: [],
    flags: ["json"],
    examples: [],
    load: async () => (await import("../commands/version.ts")).runVersion,
  },
  {
    name: "help",
    summary: "Explain a command",
    details: [],
    positionals: [{ name: "command", description: "a command of git-sync", required: false }],
    flags: [],
    examples: ["git-sync help mirror"],
    load: async () => (await import("../commands/help.ts")).runHelp,
  },
]);

export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
