/**
 * A real sshd on a free port of the loopback address, with keys of its own, for the account that runs the tests.
 * Nothing of the account's own `~/.ssh` is read or written.
 */

import { mkdirSync } from "node:fs";
import { chmod, copyFile, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { outcomeOf, startProcess } from "./process.ts";
import { requireCommand } from "./commands.ts";
import { freePort, hostIn } from "./free-port.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SshdOptions {
  /** Run in place of whatever the client asks for, which is in `$SSH_ORIGINAL_COMMAND`. */
  readonly forceCommand?: string;
  /** Default: the loopback address of IPv4. */
  readonly address?: "127.0.0.1" | "::1";
  /** Let `GIT_PROTOCOL` through, as few servers do. Default: true. */
  readonly acceptGitProtocol?: boolean;
}

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** A private key that is let in. */
  readonly identityFile: string;
  /** A private key that is not. */
  readonly otherIdentityFile: string;
  /** The server's host key, under its address and port. */
  readonly knownHostsFile: string;
  /** Another host key under the same name. */
  readonly wrongKnownHostsFile: string;
  /** The host key as a known hosts file for `name`. */
  knownHostsFor(name: string): Promise<string>;
  /** `ssh://user@127.0.0.1:port` and the path. */
  url(path: string): string;
  /** Sessions that were let in so far. */
  sessions(): number;
  /** How many of them are open. */
  openSessions(): number;
  /** What it logged so far. */
  log(): string;
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("sshd"));
  const port = await freePort();
  const { address = "127.0.0.1" } = options;
  for (const name of ["host", "identity", "other"]) await makeKey(folder.join(name));
  await copyFile(folder.join("identity.pub"), folder.join("authorized"));
  const keyOf = async (name: string): Promise<string> =>
    (await readFile(folder.join(`${name}.pub`), "utf8")).split(" ").slice(0, 2).join(" ");
  const knownHosts = async (file: string, name: string, key: string): Promise<string> => {
    await writeFile(folder.join(file), `${name} ${await keyOf(key)}\n`);
    return folder.join(file);
  };
  await writeFile(folder.join("sshd_config"), configuration(folder.path, port, options));
  // sshd wants it when root starts it, and a container may have none.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const sshd = stack.use(
    startProcess(requireCommand("sshd"), ["-D", "-e", "-f", folder.join("sshd_config")]),
  );
  await sshd.waitForLine(/Server listening on/);
  const user = userInfo().username;
  const count = (pattern: RegExp): number => sshd.output.stderr.match(pattern)?.length ?? 0;
  const owned = stack.move();
  return {
    port,
    user,
    identityFile: folder.join("identity"),
    otherIdentityFile: folder.join("other"),
    knownHostsFile: await knownHosts("known", `[${address}]:${port}`, "host"),
    wrongKnownHostsFile: await knownHosts("wrong", `[${address}]:${port}`, "other"),
    knownHostsFor: (name) => knownHosts(`known-${name}`, name, "host"),
    url: (path) => `ssh://${user}@${hostIn(address)}:${port}${path}`,
    sessions: () => count(/^Accepted publickey /gmu),
    openSessions: () =>
      count(/^Accepted publickey /gmu) -
      count(/^(?:Disconnected from|Connection (?:closed|reset) by) user /gmu),
    log: () => sshd.output.stderr,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function makeKey(path: string): Promise<void> {
  const made = await outcomeOf(
    startProcess(requireCommand("ssh-keygen"), ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]),
  );
  if (made.code !== 0) throw new Error(`ssh-keygen failed: ${made.stderr}`);
  await chmod(path, 0o600);
}

function configuration(folder: string, port: number, options: SshdOptions): string {
  const { address = "127.0.0.1", forceCommand, acceptGitProtocol = true } = options;
  return `
ListenAddress ${address}
Port ${port}
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
LogLevel VERBOSE
SetEnv GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
${acceptGitProtocol ? "AcceptEnv GIT_PROTOCOL" : ""}
${forceCommand === undefined ? "" : `ForceCommand ${forceCommand}`}
`;
}
