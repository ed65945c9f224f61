/** Every way in which the engine reaches a repository, each on a real server, and each with a broken twin. */

import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { ClientOptions } from "@gitsync/engine";
import { makeCertificates } from "../../support/certificates.ts";
import { requireCommand } from "../../support/commands.ts";
import { freePort } from "../../support/free-port.ts";
import { GIT_ENVIRONMENT } from "../../support/git.ts";
import { startGitDaemon } from "../../support/git-daemon.ts";
import { startNginxGitServer } from "../../support/git-server.ts";
import type { RequirementName } from "../../support/requirement.ts";
import { startSshd } from "../../support/sshd.ts";
import { startChaosProxy, type Toxics } from "../../support/tcp-chaos-proxy.ts";
import type { TemporaryFolder } from "../../support/temporary-folder.ts";

/** What the twin does instead of serving. */
export type Fault =
  /** Nothing is there. */
  | { readonly type: "dead" }
  /** It says something that is not git, at once. */
  | { readonly type: "garbage" }
  /** It answers so many bytes, then nothing, with the connection open. */
  | { readonly type: "half-open"; readonly at: number }
  /** It takes so many bytes, then nothing, with the connection open. */
  | { readonly type: "half-read"; readonly at: number };

/** A way to repositories below one folder. */
export interface Way {
  /** Of the repository at a path of this machine. */
  url(path: string): string;
  /** What a client needs to go this way. */
  readonly client: ClientOptions;
}

export interface RemoteHost extends Way {
  /** The same repositories behind a fault. */
  broken(fault: Fault): Promise<Way>;
}

export interface HostKind {
  readonly name: string;
  readonly needs: readonly RequirementName[];
  /** Whether anybody can push this way; else it serves as a source only. */
  readonly pushes: boolean;
  /** Whether a connection of TCP, which a proxy can break, leads there. */
  readonly isTcp: boolean;
  /** Whether a repository that is not there is made. */
  readonly creates: boolean;
  /** The codes of a run whose source is behind each fault. */
  readonly codes: Readonly<Record<"dead" | "garbage" | "half-open", string>>;
  /** Starts what is needed; the stack ends it. */
  start(folder: TemporaryFolder, stack: AsyncDisposableStack): Promise<RemoteHost>;
}

const GARBAGE = "Welcome to example.com\r\nThis is not what you are looking for\r\n\r\n";

const base: ClientOptions = { childEnvironment: GIT_ENVIRONMENT };

export const HOSTS: readonly HostKind[] = [
  {
    name: "a path",
    needs: [],
    pushes: true,
    isTcp: false,
    creates: true,
    codes: { dead: "NOT_A_REPOSITORY", garbage: "NOT_A_REPOSITORY", "half-open": "REMOTE_TIMEOUT" },
    start: (folder) => Promise.resolve(localHost(folder, (path) => path)),
  },
  {
    name: "file://",
    needs: [],
    pushes: true,
    isTcp: false,
    creates: true,
    codes: { dead: "NOT_A_REPOSITORY", garbage: "NOT_A_REPOSITORY", "half-open": "REMOTE_TIMEOUT" },
    start: (folder) => Promise.resolve(localHost(folder, (path) => `file://${encodeURI(path)}`)),
  },
  {
    name: "http",
    needs: ["nginx"],
    pushes: true,
    isTcp: true,
    creates: false,
    codes: { dead: "REMOTE_UNREACHABLE", garbage: "PROTOCOL_INVALID", "half-open": "REMOTE_TIMEOUT" },
    start: async (folder, stack) => {
      const server = stack.use(await startNginxGitServer({ root: folder.path }));
      const url = (port: number) => (path: string) => `http://127.0.0.1:${port}${below(folder, path)}`;
      return tcpHost(stack, server.port, { client: base, urlAt: url });
    },
  },
  {
    name: "https with an authority of its own",
    needs: ["nginx", "openssl"],
    pushes: true,
    isTcp: true,
    creates: false,
    codes: { dead: "REMOTE_UNREACHABLE", garbage: "PROTOCOL_INVALID", "half-open": "REMOTE_TIMEOUT" },
    start: async (folder, stack) => {
      const tls = await makeCertificates(folder, "tls");
      const server = stack.use(await startNginxGitServer({ root: folder.path, tls }));
      const url = (port: number) => (path: string) => `https://127.0.0.1:${port}${below(folder, path)}`;
      const egress = { addresses: "any", ca: readFileSync(tls.authority, "utf8") } as const;
      return tcpHost(stack, server.tlsPort, { client: { ...base, egress }, urlAt: url });
    },
  },
  {
    name: "ssh",
    needs: ["sshd"],
    pushes: true,
    isTcp: true,
    creates: false,
    codes: { dead: "REMOTE_UNREACHABLE", garbage: "REMOTE_UNREACHABLE", "half-open": "REMOTE_TIMEOUT" },
    start: async (_folder, stack) => {
      const sshd = stack.use(await startSshd());
      // The twin has another port, and so another name among the known hosts.
      const known = await sshd.knownHostsFor("[127.0.0.1]:*");
      const auth = {
        authFor: () => Promise.resolve({ identityFile: sshd.identityFile, knownHostsFile: known }),
      };
      const url = (port: number) => (path: string) =>
        `ssh://${sshd.user}@127.0.0.1:${port}${encodeURI(path)}`;
      return tcpHost(stack, sshd.port, { client: { ...base, auth }, urlAt: url });
    },
  },
  {
    name: "git://",
    needs: ["git"],
    pushes: true,
    isTcp: true,
    creates: false,
    codes: { dead: "REMOTE_UNREACHABLE", garbage: "NOT_A_REPOSITORY", "half-open": "REMOTE_TIMEOUT" },
    start: async (folder, stack) => {
      const daemon = stack.use(await startGitDaemon(folder.path));
      const url = (port: number) => (path: string) => `git://127.0.0.1:${port}${below(folder, path)}`;
      const egress = { addresses: "any", gitDaemonPush: true } as const;
      return tcpHost(stack, daemon.port, { client: { ...base, egress }, urlAt: url });
    },
  },
  {
    name: "a remote helper that connects",
    needs: [],
    pushes: true,
    isTcp: false,
    creates: false,
    codes: { dead: "REMOTE_REFUSED", garbage: "NOT_A_REPOSITORY", "half-open": "REMOTE_TIMEOUT" },
    start: (folder) => Promise.resolve(helperHost(folder)),
  },
  {
    name: "a remote helper that connects without state",
    needs: ["nginx"],
    pushes: false,
    isTcp: true,
    creates: false,
    codes: { dead: "REMOTE_REFUSED", garbage: "REMOTE_REFUSED", "half-open": "REMOTE_TIMEOUT" },
    start: async (folder, stack) => {
      const server = stack.use(await startNginxGitServer({ root: folder.path }));
      // git's own helper for http, under another name.
      const programs = folder.join("stateless");
      script(programs, "git-remote-demo", `exec git remote-http "\${1#demo::}" "\${2#demo::}"`);
      const url = (port: number) => (path: string) => `demo::http://127.0.0.1:${port}${below(folder, path)}`;
      return tcpHost(stack, server.port, { client: helperClient(programs), urlAt: url });
    },
  },
];

function below(folder: TemporaryFolder, path: string): string {
  return encodeURI(path.slice(folder.path.length));
}

/** A host behind a port: its twin is behind a proxy that breaks connections. */
function tcpHost(
  stack: AsyncDisposableStack,
  port: number,
  { client, urlAt }: { client: ClientOptions; urlAt: (port: number) => Way["url"] },
): RemoteHost {
  const toxicsOf = (fault: Fault): Toxics => {
    if (fault.type === "half-open") return { downstream: [fault] };
    return fault.type === "half-read" ? { upstream: [{ type: "half-open", at: fault.at }] } : {};
  };
  return {
    url: urlAt(port),
    client,
    broken: async (fault) => {
      if (fault.type === "dead") return { client, url: urlAt(await freePort()) };
      if (fault.type === "garbage") return { client, url: urlAt(await startGarbage(stack)) };
      const proxy = stack.use(await startChaosProxy(port, toxicsOf(fault)));
      return { client, url: urlAt(proxy.port) };
    },
  };
}

/** Greets whoever connects. */
async function startGarbage(stack: AsyncDisposableStack): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).write(GARBAGE);
    // Hanging up before the client has spoken could take the greeting back.
    socket.once("data", () => socket.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** A host that is served by a git of ours: its twin is served by a git that is none. */
function localHost(folder: TemporaryFolder, url: Way["url"]): RemoteHost {
  return {
    url,
    client: base,
    broken: (fault) => {
      if (fault.type === "dead") {
        return Promise.resolve({ client: base, url: (path) => url(`${path}-is-not-there`) });
      }
      const programs = folder.join(`git-${fault.type}`);
      script(programs, "git", brokenService(fault, `${requireCommand("git")} "$@"`));
      return Promise.resolve({ url, client: { childEnvironment: pathWith(programs) } });
    },
  };
}

/** A helper as gitremote-helpers(7) describes it, for repositories of this machine. */
function helperHost(folder: TemporaryFolder): RemoteHost {
  const serving = (service: string): string => `
while read -r line; do
  case $line in
    capabilities) printf 'connect\\n\\n' ;;
    'connect '*) echo; ${service} ;;
  esac
done`;
  const service = `git "\${line#connect git-}" "\${2#demo::}"`;
  script(folder.join("helper"), "git-remote-demo", serving(`exec ${service}`));
  const url = (path: string): string => `demo::${path}`;
  return {
    url,
    client: helperClient(folder.join("helper")),
    broken: (fault) => {
      const programs = folder.join(`helper-${fault.type}`);
      const dead = "echo 'cannot reach example.com' >&2; exit 1";
      script(
        programs,
        "git-remote-demo",
        fault.type === "dead" ? dead : serving(brokenService(fault, service)),
      );
      return Promise.resolve({ url, client: helperClient(programs) });
    },
  };
}

function helperClient(programs: string): ClientOptions {
  return { ...base, egress: { addresses: "any", helpers: ["demo"] }, helperEnvironment: pathWith(programs) };
}

/** Shell that stands in for a service; it reads on, as a service does. */
function brokenService(fault: Fault, service: string): string {
  switch (fault.type) {
    case "garbage":
      return `printf '%s\\n' 'Welcome to example.com'; exit 0`;
    case "half-open":
      return `exec 3<&0; ${service} <&3 | { head -c ${fault.at}; exec sleep 600; }`;
    case "dead":
    case "half-read":
      throw new Error(`no script for ${fault.type}`);
  }
}

function script(folder: string, name: string, lines: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/${name}`, `#!/bin/sh\n${lines}\n`);
  chmodSync(`${folder}/${name}`, 0o755);
}

function pathWith(folder: string): Readonly<Record<string, string>> {
  return { ...GIT_ENVIRONMENT, PATH: `${folder}:${GIT_ENVIRONMENT["PATH"]}` };
}
