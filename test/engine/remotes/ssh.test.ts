/** What only ssh does: host keys, keys, an agent, a configuration, a command line that others can read. */

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import type { ClientOptions, EndpointAuth, SyncError, SyncResult } from "@gitsync/engine";
import { encodeSshCommand } from "@gitsync/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findCommand } from "../../support/commands.ts";
import { git, GIT_ENVIRONMENT } from "../../support/git.ts";
import { commit, createRepository, refsOf } from "../../support/repository.ts";
import { describeWith } from "../../support/requirements.ts";
import { startSshd, type Sshd, type SshdOptions } from "../../support/sshd.ts";
import { temporaryFolder, type TemporaryFolder } from "../../support/temporary-folder.ts";
import { failureOf, openClient } from "../two-sides.ts";

interface Rig extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly sshd: Sshd;
  readonly source: string;
  readonly target: string;
  /** Over ssh into the target at a path. */
  mirror(auth?: EndpointAuth, options?: MirrorOptions): Promise<SyncResult>;
}

interface MirrorOptions {
  readonly client?: ClientOptions;
  readonly url?: string;
  /** The target is over ssh, too. */
  readonly both?: boolean;
}

async function openRig(options?: SshdOptions): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder("ssh"));
  const sshd = stack.use(await startSshd(options));
  const source = await createRepository(folder.join("source.git"));
  const target = await createRepository(folder.join("target.git"));
  await commit(source, "refs/heads/main", { a: "1" });
  const owned = stack.move();
  return {
    folder,
    sshd,
    source,
    target,
    async mirror(auth = keysOf(sshd), { client: more, url, both = false } = {}) {
      const client = openClient({
        egress: { addresses: "any" },
        auth: { authFor: () => Promise.resolve(auth) },
        ...more,
      });
      try {
        return await client.replicate({
          source: { url: url ?? sshd.url(source) },
          target: { url: both ? sshd.url(target) : target },
        });
      } finally {
        await client.close();
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function keysOf({ identityFile, knownHostsFile }: Sshd): EndpointAuth {
  return { identityFile, knownHostsFile };
}

/** Puts a program named `ssh` before the real one: it notes its arguments and environment, then runs it. */
async function recordSsh(folder: TemporaryFolder): Promise<{
  readonly environment: Readonly<Record<string, string>>;
  readonly runs: () => readonly (readonly string[])[];
  readonly variables: () => string;
}> {
  const [programs, log, variables] = [folder.join("bin"), folder.join("argv"), folder.join("env")];
  await mkdir(programs);
  await writeFile(
    `${programs}/ssh`,
    `#!/bin/sh\nprintf '%s\\0' "$@" >>${log}; printf '\\n' >>${log}; env >>${variables}\nexec ${findCommand("ssh")} "$@"\n`,
  );
  await chmod(`${programs}/ssh`, 0o755);
  return {
    environment: { ...GIT_ENVIRONMENT, PATH: `${programs}:${GIT_ENVIRONMENT["PATH"]}` },
    runs: () =>
      existsSync(log)
        ? readFileSync(log, "utf8")
            .split("\n")
            .slice(0, -1)
            .map((line) => line.split("\0").slice(0, -1))
        : [],
    variables: () => readFileSync(variables, "utf8"),
  };
}

describeWith(["sshd"], "ssh", () => {
  test("takes one session from the listing to the push, on either side", async () => {
    await using rig = await openRig();
    await rig.mirror(undefined, { both: true });
    expect(await refsOf(rig.target)).toEqual(await refsOf(rig.source));
    // One for each service: what the target has is asked of its receive-pack, the rest of the source's upload-pack.
    expect(rig.sshd.sessions()).toBe(2);
    await expect.poll(() => rig.sshd.openSessions()).toBe(0);
  });

  test.for([
    [true, "v2"],
    [false, "v0"],
  ] as const)(
    "speaks what the server takes part in: with GIT_PROTOCOL accepted %s, %s",
    async ([accepted, version]) => {
      await using rig = await openRig({ acceptGitProtocol: accepted });
      expect((await rig.mirror()).execution.protocol).toBe(version);
    },
  );

  test.for(["unknown", "another than the known one"] as const)(
    "to a host whose key is %s ends before anything of ours is sent",
    async (what) => {
      await using rig = await openRig();
      const knownHostsFile = what === "unknown" ? rig.folder.join("empty") : rig.sshd.wrongKnownHostsFile;
      await writeFile(rig.folder.join("empty"), "");
      const failure = await failureOf(rig.mirror({ ...keysOf(rig.sshd), knownHostsFile }));
      expect(failure).toMatchObject({ code: "HOST_KEY_UNTRUSTED", retryable: false });
      expect(failure.message).toContain(what === "unknown" ? "is not known" : what);
      expect(rig.sshd.log()).toContain("Connection from 127.0.0.1");
      // A key that is offered, let in or not, is logged with the user's name.
      expect(rig.sshd.log()).not.toMatch(
        /publickey|for (?:invalid )?user|authenticating user \S+ .*\[preauth\].*key/u,
      );
      // Nobody is trusted on first sight.
      if (what === "unknown") expect(readFileSync(knownHostsFile, "utf8")).toBe("");
    },
  );

  test("with a key that is not let in says so, and tries no other", async () => {
    await using rig = await openRig();
    const failure = await failureOf(
      rig.mirror({ ...keysOf(rig.sshd), identityFile: rig.sshd.otherIdentityFile }),
    );
    expect(failure).toMatchObject({ code: "AUTH_DENIED", retryable: false });
    expect(rig.sshd.log().match(/Failed publickey/gu)).toHaveLength(1);
  });

  test("asks no agent and uses no key of the account, unless told to work as the user", async () => {
    await using rig = await openRig();
    const socket = rig.folder.join("agent");
    let visits = 0;
    const agent = createServer((connection) => {
      visits += 1;
      connection.destroy();
    }).listen(socket);
    await once(agent, "listening");
    const childEnvironment = { ...GIT_ENVIRONMENT, SSH_AUTH_SOCK: socket };
    const { knownHostsFile } = rig.sshd;
    const given = await failureOf(rig.mirror({ knownHostsFile }, { client: { childEnvironment } }));
    expect(given.code).toBe("AUTH_DENIED");
    expect(visits).toBe(0);
    const asUser = { client: { childEnvironment, ssh: "user" as const } };
    expect((await failureOf(rig.mirror({ knownHostsFile }, asUser))).code).toBe("AUTH_DENIED");
    expect(visits).toBeGreaterThan(0);
    agent.close();
  });

  test("is started with nothing secret in its arguments or its environment", async () => {
    await using rig = await openRig();
    const recorder = await recordSsh(rig.folder);
    const secret = "s3cret-canary";
    const auth = { ...keysOf(rig.sshd), token: secret, bearerToken: secret };
    await rig.mirror(auth, { client: { childEnvironment: recorder.environment }, both: true });
    expect(recorder.runs()).toHaveLength(2);
    expect(JSON.stringify(recorder.runs())).not.toContain(secret);
    expect(recorder.variables()).not.toContain(secret);
    expect(recorder.variables()).not.toMatch(/^GITSYNC_/mu);
  });

  test.for([
    "ssh://-oProxyCommand=touch%20OUT/x",
    "ssh://-oProxyCommand=touch OUT/x",
    "-oProxyCommand=id:x",
    "ssh://-oProxyCommand=id@127.0.0.1:PORT/x",
    "ssh://%2doProxyCommand=id@127.0.0.1:PORT/x",
    "ssh://-lroot@127.0.0.1:PORT/x",
    "ssh://127.0.0.1:PORT:-p22/x",
    "ssh://127.0.0.1:-oPort=1/x",
    "ssh://127.0.0.1%20-oProxyCommand=id/x",
    "ssh://[-oProxyCommand=id]/x",
    "127.0.0.1:-oProxyCommand=id",
    "127.0.0.1:--upload-pack=touch OUT",
    "ssh://127.0.0.1:PORT/~-oProxyCommand\n=id",
  ])("starts no ssh for %j, which would make an option of a part", async (template) => {
    await using rig = await openRig();
    const recorder = await recordSsh(rig.folder);
    const out = rig.folder.join("out");
    const url = template.replaceAll("OUT", out).replaceAll("PORT", String(rig.sshd.port));
    const failure = await failureOf(
      rig.mirror(undefined, { url, client: { childEnvironment: recorder.environment } }),
    );
    expect(failure.code).toBe("URL_INVALID");
    expect(recorder.runs()).toEqual([]);
    expect(existsSync(out)).toBe(false);
  });

  test.for([
    "$(touch OUT)",
    "`touch OUT`",
    ";touch OUT;",
    "' ; touch OUT ; '",
    "a!b",
    "a\\b",
    "~nobody-such/$(touch OUT)",
  ])("gives the server's shell the path %j as one word", async (template) => {
    await using rig = await openRig();
    const out = rig.folder.join("out");
    const path = template.replaceAll("OUT", out);
    const url = `ssh://${rig.sshd.user}@127.0.0.1:${rig.sshd.port}/${path
      .split("/")
      .map(encodeURIComponent)
      .join("/")}`;
    const failure = await failureOf(rig.mirror(undefined, { url }));
    expect(["NOT_A_REPOSITORY", "NOT_FOUND", "REMOTE_REFUSED"]).toContain(failure.code);
    expect(existsSync(out)).toBe(false);
  });

  test("quotes paths as git does", async () => {
    await using folder = temporaryFolder("quoting");
    const [ssh, log] = [folder.join("ssh"), folder.join("commands")];
    await writeFile(ssh, `#!/bin/sh\nfor last; do :; done; printf '%s\\0' "$last" >>${log}; exit 1\n`);
    await chmod(ssh, 0o755);
    const piece = fc.constantFrom(
      "a",
      "'",
      "!",
      '"',
      "\\",
      "$",
      "`",
      " ",
      ";",
      "~",
      "*",
      "é",
      "-",
      "\t",
      "(",
      "%",
    );
    const paths = fc
      .sample(fc.array(piece, { minLength: 1, maxLength: 8 }), { numRuns: 40, seed: 7 })
      .map((pieces) => `/${pieces.join("")}`);
    for (const path of paths) {
      const url = `ssh://host/${path.slice(1).split("/").map(encodeURIComponent).join("/")}`;
      // Nobody is there.
      await git(["ls-remote", url], { env: { GIT_SSH: ssh, GIT_SSH_VARIANT: "ssh" } }).catch(() => undefined);
    }
    expect(readFileSync(log, "utf8").split("\0").slice(0, -1)).toEqual(
      paths.map((path) => encodeSshCommand("git-upload-pack", path)),
    );
  });

  test("connects to the address that was judged, under the name that known hosts have", async () => {
    await using rig = await openRig();
    const recorder = await recordSsh(rig.folder);
    const url = `ssh://${rig.sshd.user}@localhost:${rig.sshd.port}${rig.source}`;
    const auth = {
      ...keysOf(rig.sshd),
      knownHostsFile: await rig.sshd.knownHostsFor(`[localhost]:${rig.sshd.port}`),
    };
    const schemes = ["ssh", "file"];
    const childEnvironment = recorder.environment;
    const run = (allow: NonNullable<ClientOptions["egress"]>["allow"]): Promise<SyncError | SyncResult> =>
      rig
        .mirror(auth, {
          url,
          client: { childEnvironment, egress: { addresses: "public", schemes, ...(allow ? { allow } : {}) } },
        })
        .catch((error: SyncError) => error);
    expect(await run(undefined)).toMatchObject({ code: "EGRESS_DENIED" });
    expect(await run([{ cidr: "127.0.0.0/8", ports: [22] }])).toMatchObject({ code: "EGRESS_DENIED" });
    expect(recorder.runs()).toEqual([]);
    const ports = [rig.sshd.port];
    const loopback = [
      { cidr: "127.0.0.0/8", ports },
      { cidr: "::1/128", ports },
    ];
    expect(await run(loopback)).toMatchObject({ execution: { converged: true } });
    const [args = []] = recorder.runs();
    expect(args).toContain(`HostKeyAlias=[localhost]:${rig.sshd.port}`);
    expect(args.join(" ")).toMatch(/HostName=(?:127\.0\.0\.1|::1) /u);
  });

  test("says what a server sent that has no git for us", async () => {
    await using banner = await openRig({ forceCommand: "echo Welcome to example.com" });
    expect(await failureOf(banner.mirror())).toMatchObject({
      code: "NOT_A_REPOSITORY",
      message: expect.stringContaining("Welcome to example.com"),
    });
    await using refusing = await openRig({
      forceCommand: "sh -c 'printf \"ERROR: Repository not found.\\\\033[2J\\\\n\" >&2; exit 1'",
    });
    const failure = await failureOf(refusing.mirror());
    expect(failure).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("Repository not found."),
    });
    expect(failure.message).not.toContain("\u001b");
  });
});
