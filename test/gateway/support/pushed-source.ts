/** A bare repository that people push to, whose post-receive hook tells a gateway as GitHub would. */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "../../support/git.ts";
import { nodeCommand } from "../../support/process.ts";
import { commit, createRepository } from "../../support/repository.ts";

export const REPOSITORY_ID = 1_296_269;

export interface PushedSource {
  /** Commit to a branch and push it. Resolves when git is done, the hook included, with the new tip. */
  push(ref: string, text: string): Promise<string>;
}

export interface PushedSourceOptions {
  /** Holds `source.git`, and a repository that is pushed from. */
  readonly folder: string;
  /** The gateway's address for deliveries. */
  readonly hookUrl: string;
  readonly secret: string;
}

export async function createPushedSource(options: PushedSourceOptions): Promise<PushedSource> {
  const { folder, hookUrl, secret } = options;
  const source = await createRepository(join(folder, "source.git"));
  const work = await createRepository(join(folder, "work.git"));
  const hook = join(source, "hooks/post-receive");
  writeFileSync(hook, hookScript(hookUrl, secret));
  chmodSync(hook, 0o755);
  return {
    push: async (ref, text) => {
      const tip = await commit(work, ref, { "file.txt": text });
      await git(["push", "--quiet", source, `${ref}:${ref}`], { cwd: work });
      return tip;
    },
  };
}

/** The ref that it names is what a forge would say; nobody may believe it, so it is wrong. */
function hookScript(url: string, secret: string): string {
  return `#!${nodeCommand}
const { createHmac, randomUUID } = require("node:crypto");
const body = JSON.stringify({ ref: "refs/heads/nowhere", after: "0".repeat(40), repository: { id: ${REPOSITORY_ID} } });
const signature = createHmac("sha256", ${JSON.stringify(secret)}).update(body).digest("hex");
fetch(${JSON.stringify(url)}, {
  method: "POST",
  body,
  headers: {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": "sha256=" + signature,
  },
}).then((answer) => {
  if (answer.status === 202) return;
  console.error("the gateway answered " + answer.status);
  process.exitCode = 1;
});
`;
}
