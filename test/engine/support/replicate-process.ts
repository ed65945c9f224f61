/**
 * A process that replicates one repository into another and ends: for tests that kill it.
 *
 * Takes the request as JSON, writes each event of the run and at last its result as lines of JSON.
 */

import { openClient } from "../open-client.ts";

const client = openClient();
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const { execution } = await client.replicate(JSON.parse(process.argv[2] ?? ""), { observer: say });
say({ execution });
await client.close();
