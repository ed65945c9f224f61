/** The Redis user with the least rights, made by the line that docs/operations.md gives to operators. */

import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../check/repository.ts";
import type { RedisServer } from "../../support/redis.ts";

const RULES = /^ACL SETUSER gitsync (?<rules>.*)$/mu;

/** Make it. @returns the server's address with its name and password. */
export async function addDocumentedUser(redis: RedisServer): Promise<string> {
  const answer = await redis.command("ACL", "SETUSER", "gitsync", ...documentedRules().split(" "));
  if (!answer.startsWith("+OK")) throw new Error(`Redis does not take the document's line: ${answer}`);
  return addressForDocumentedUser(redis);
}

/** The same in a file for `aclfile`, which a server reads again when it is started again. */
export async function writeAclFile(path: string): Promise<void> {
  await writeFile(path, `user default on nopass ~* &* +@all\nuser gitsync ${documentedRules()}\n`);
}

export function addressForDocumentedUser(redis: RedisServer): string {
  return redis.url.replace("redis://", "redis://gitsync:PASSWORD@");
}

function documentedRules(): string {
  const document = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
  const rules = RULES.exec(document)?.groups?.["rules"];
  if (rules === undefined) throw new Error("docs/operations.md gives no line for a Redis user");
  return rules;
}

/** What it was refused so far, as `object times`. Refusals of the same thing are counted together. */
export async function refusalsOf(redis: RedisServer): Promise<readonly string[]> {
  const log = await redis.command("ACL", "LOG", "128");
  const entries = log.matchAll(/\r\ncount\r\n:(\d+)[\s\S]*?\r\nobject\r\n\$\d+\r\n([^\r]*)/gu);
  return [...entries].map(([, count, object]) => `${object} ${count}`).toSorted();
}
