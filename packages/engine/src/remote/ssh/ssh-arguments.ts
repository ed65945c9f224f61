/**
 * The arguments that ssh is started with. Pure.
 *
 * Nothing of an address can become an option: host, user and path were checked where they were parsed, the host
 * stands after `--`, and the command is quoted as git quotes it. No secret is among them; a key is named by its file.
 */

import { encodeSshCommand, type GitService } from "@gitsync/protocol";
import type { EndpointAuth } from "../../auth.ts";
import { SyncError } from "../../errors.ts";
import { SSH_PORT, type SshLocation } from "../../location/location.ts";

export interface SshInvocation {
  readonly service: GitService;
  readonly location: SshLocation;
  readonly auth: EndpointAuth;
  /** The address that was checked, to be connected to instead of looking up the name again. */
  readonly address: string | undefined;
  readonly settings: "given" | "user";
  /** The known hosts that are believed when the credentials name none; only for `given`. */
  readonly defaultKnownHosts: string;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** How often a silent server is asked for a sign of life within the time that it may be silent. */
const SIGNS_OF_LIFE = 3;

export function sshArguments(invocation: SshInvocation): readonly string[] {
  const { service, location, auth, settings, connectTimeoutMs, idleTimeoutMs } = invocation;
  const user = location.user ?? auth.username;
  const options = {
    // A question would never be answered.
    BatchMode: "yes",
    ConnectTimeout: seconds(connectTimeoutMs),
    ServerAliveInterval: seconds(idleTimeoutMs / SIGNS_OF_LIFE),
    ServerAliveCountMax: String(SIGNS_OF_LIFE),
    ClearAllForwardings: "yes",
    ForwardAgent: "no",
    ForwardX11: "no",
    PermitLocalCommand: "no",
    RequestTTY: "no",
    // A master that outlives us would keep our pipes open.
    ControlMaster: "no",
    // Less would leave failures unexplained.
    LogLevel: "INFO",
    SendEnv: "GIT_PROTOCOL",
    ...(settings === "given" ? givenOptions(invocation) : userOptions(auth)),
  };
  return [
    ...(settings === "given" ? ["-F", "none"] : []),
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...(auth.identityFile === undefined ? [] : ["-i", percentEscaped(auth.identityFile)]),
    ...(location.port === undefined ? [] : ["-p", String(location.port)]),
    ...(user === undefined ? [] : ["-l", user]),
    "--",
    location.hostname,
    encodeSshCommand(service, location.path),
  ];
}

/** Only what the caller gave counts: no agent, no keys and no hosts of the account that we happen to run as. */
function givenOptions(invocation: SshInvocation): Readonly<Record<string, string>> {
  const { location, auth, address, defaultKnownHosts } = invocation;
  const { hostname, port = SSH_PORT } = location;
  return {
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: quotedPath(auth.knownHostsFile ?? defaultKnownHosts),
    GlobalKnownHostsFile: "none",
    UpdateHostKeys: "no",
    CheckHostIP: "no",
    VerifyHostKeyDNS: "no",
    PasswordAuthentication: "no",
    KbdInteractiveAuthentication: "no",
    GSSAPIAuthentication: "no",
    HostbasedAuthentication: "no",
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    ...(auth.identityFile === undefined ? { IdentityFile: "none" } : {}),
    ...(address === undefined
      ? {}
      : {
          HostName: address,
          // The name that known hosts have for another port.
          HostKeyAlias: port === SSH_PORT ? hostname : `[${hostname}]:${port}`,
        }),
  };
}

function userOptions(auth: EndpointAuth): Readonly<Record<string, string>> {
  return {
    ...(auth.identityFile === undefined ? {} : { IdentitiesOnly: "yes" }),
    ...(auth.knownHostsFile === undefined
      ? {}
      : { UserKnownHostsFile: quotedPath(auth.knownHostsFile), GlobalKnownHostsFile: "none" }),
  };
}

function seconds(milliseconds: number): string {
  return String(Math.max(1, Math.ceil(milliseconds / 1_000)));
}

/** A path as a word of ssh_config(5), in which `%`, `$` and quotes mean something. */
function quotedPath(path: string): string {
  return `"${percentEscaped(path)}"`;
}

function percentEscaped(path: string): string {
  if (/["\\\u0000-\u001f]|\$\{/u.test(path)) {
    throw new SyncError(
      "AUTH_PROVIDER_FAILED",
      "Cannot use a file for ssh: its path holds a quote, a backslash, a control character or ${",
    );
  }
  return path.replaceAll("%", "%%");
}
