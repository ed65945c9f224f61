/** The supervisor's entry point: `node supervisor-main.ts DIRECTORY`. Started by `join-embedded-server.ts` only. */

import { findServerAccount, prepareDirectory } from "./directory.ts";
import { runSupervisor } from "./supervisor.ts";

// Lock, log and socket are for this account only.
process.umask(0o077);
const account = await findServerAccount();
const layout = await prepareDirectory(process.argv[2] ?? "", account);
process.exit(await runSupervisor(layout, account));
