import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSilentLogger, openConfigSource } from "@gitsync/runtime";
import { expect, test } from "vitest";
import { openFleetClient, openFleetHttpClient } from "./fleet-client.ts";

test("egress rules that were taken over hold for the next request, of git and of an API", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gitsync-fleet-client-"));
  const file = join(folder, "mirrors.yaml");
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const url = `http://127.0.0.1:${port}/a.git`;
  await writeFile(file, "version: 1\negress: { schemes: [http] }\n");
  const config = await openConfigSource({ file, logger: createSilentLogger() });
  const git = openFleetClient(config, {}, { spoolDirectory: undefined, spoolBytes: undefined });
  const http = openFleetHttpClient(config);
  const codeOf = (error: unknown): unknown =>
    error instanceof Error && "code" in error ? error.code : error;
  const asked = async (): Promise<readonly unknown[]> =>
    await Promise.all([
      git.probe({ source: { url } }).catch(codeOf),
      http.request({ method: "GET", url }).then(({ status }) => status, codeOf),
    ]);
  try {
    expect(await asked()).toEqual(["EGRESS_DENIED", "EGRESS_DENIED"]);
    await writeFile(file, "version: 1\negress: { schemes: [http], allow: [{ cidr: 127.0.0.0/8 }] }\n");
    await config.reload();
    expect(await asked()).toEqual(["NOT_FOUND", 404]);
  } finally {
    config.close();
    await Promise.all([git.close(), http.close()]);
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
