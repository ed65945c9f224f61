/** The dashboard's files, from memory. They hold no data: the page asks the API, by the API's rules. */

import { PAGE_FILES, readPageFile } from "@gitsync/dashboard";
import type { FastifyInstance } from "fastify";

export function addPageRoutes(server: FastifyInstance): void {
  for (const file of PAGE_FILES) {
    const content = readPageFile(file);
    server.get(file.path, { config: { role: "page" } }, (_request, reply) =>
      reply.type(file.contentType).header("cache-control", "no-cache").send(content),
    );
  }
}
