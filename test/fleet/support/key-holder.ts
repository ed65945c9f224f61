/** A process that writes an ssh key for its fleet, says where, and waits: `key-holder.ts`. */

import { createHttpClient } from "@gitsync/engine";
import { SecretRegistry } from "@gitsync/runtime";
import { createFleetCredentials } from "@gitsync/worker";

const secrets = new SecretRegistry();
const http = createHttpClient({ egress: { addresses: "any" } });
const reference = (name: string) => ({ type: "env", name }) as const;
const key = {
  id: "key",
  type: "ssh",
  origins: ["ssh://git@backup.test"],
  privateKey: reference("KEY"),
  knownHosts: reference("KEY"),
} as const;
const env = { KEY: "a key" };
const fleet = createFleetCredentials({ credentials: () => new Map([["key", key]]), env, secrets, http });
const { identityFile } = await fleet
  .forRoute({ targetCredential: "key" })
  .authFor({ url: "git@backup.test:org/repo.git" }, "target", new AbortController().signal);
process.stdout.write(`key ${identityFile}\n`);
process.stdin.on("data", () => {
  void Promise.all([fleet.close(), http.close()]).then(() => process.exit(0));
});
