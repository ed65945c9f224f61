/** A few files over HTTP on this machine, for pages under test. */

import { once } from "node:events";
import { createServer } from "node:http";

/** What is served: each path, with its media type and its text. */
export type ServedFiles = Readonly<Record<string, { readonly type: string; readonly text: string }>>;

/** The server. */
export interface FileServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
}

/** Serve files until disposed; whatever is not among them is not found. */
export async function serveFiles(files: ServedFiles): Promise<FileServer> {
  const server = createServer((request, response) => {
    const file = files[request.url ?? ""];
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": `${file.type}; charset=utf-8` }).end(file.text);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
