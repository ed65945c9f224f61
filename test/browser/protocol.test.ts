/**
 * The protocol package in a real browser: without Node's zlib and crypto, in a page and in a worker, it answers what it
 * answers in Node.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { openPage, startBrowser } from "../support/browser.ts";
import { bundleForBrowser } from "../support/browser-bundle.ts";
import { type FileServer, serveFiles } from "../support/file-server.ts";
import { git } from "../support/git.ts";
import { describeWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type ProtocolAnswers, protocolAnswers, type Recordings } from "./protocol-script.ts";

const VECTORS = join(import.meta.dirname, "../../packages/protocol/fixtures/vectors");

// The worker's only file besides the bundle: it answers one message.
const WORKER = `import { protocolAnswers } from "/protocol.js";
addEventListener("message", ({ data }) => postMessage(protocolAnswers(data)));`;

// Run in the page, as text: the sources here know no document and no Worker.
const IN_PAGE = `async (recordings) => (await import("/protocol.js")).protocolAnswers(recordings)`;
const IN_WORKER = `(recordings) => new Promise((resolve, reject) => {
  const worker = new Worker("/worker.js", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(recordings);
})`;

describeWith(["chromium", "git"], "the protocol package in a browser", () => {
  const recordings: Recordings = Object.fromEntries(
    readdirSync(VECTORS)
      .filter((name) => /\.(?:bin|pack)$/u.test(name))
      .map((name) => [name, [...readFileSync(join(VECTORS, name))]]),
  );
  const expected = protocolAnswers(recordings);
  let browser: Browser;
  let server: FileServer;

  beforeAll(async () => {
    const script = await bundleForBrowser(join(import.meta.dirname, "protocol-script.ts"));
    server = await serveFiles({
      "/": {
        type: "text/html",
        text: '<!doctype html><link rel="icon" href="data:,"><title>protocol</title>',
      },
      "/protocol.js": { type: "text/javascript", text: script },
      "/worker.js": { type: "text/javascript", text: WORKER },
    });
    browser = await startBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  test.for([
    ["page", IN_PAGE],
    ["worker", IN_WORKER],
  ] as const)("reads, writes and hashes in a %s as in Node", async ([, expression]) => {
    await using opened = await openPage(browser, `${server.url}/`);
    const answers = await opened.page.evaluate<ProtocolAnswers>(
      `(${expression})(${JSON.stringify(recordings)})`,
    );
    expect([expected.host, answers.host]).toEqual(["node", "none"]);
    expect(answers.recordings).toEqual(expected.recordings);
    expect(answers.hashes).toEqual(expected.hashes);
    expect(answers.damages.map(withoutCode)).toEqual(expected.damages.map(withoutCode));
    expect(answers.delta).toBe("234abc");
    expect(opened.faults).toEqual([]);
  });

  test("writes packs that git takes", async () => {
    await using folder = temporaryFolder("browser");
    await using opened = await openPage(browser, `${server.url}/`);
    const { pack } = await opened.page.evaluate<ProtocolAnswers>(`(${IN_PAGE})({})`);
    mkdirSync(folder.join("repository"));
    await git(["init", "-q", folder.join("repository")]);
    const options = { cwd: folder.join("repository") };
    writeFileSync(folder.join("written.pack"), Uint8Array.from(pack));
    await git(["index-pack", "--strict", folder.join("written.pack")], options);
    const listed = await git(["verify-pack", "-v", folder.join("written.idx")], options);
    expect(listed.match(/ (?:blob|tree|commit|tag) /gu)).toHaveLength(5);
  });

  test("meets damage of every kind", () => {
    expect(new Set(expected.damages.filter((verdict) => /^[A-Z_]+$/u.test(verdict)))).toEqual(
      new Set(["PACK_INVALID", "PACK_TRUNCATED", "PACK_BASE_MISSING", "LIMIT_EXCEEDED"]),
    );
  });
});

/** Which error it is may differ where a stream is both cut and too long: zlib libraries notice one or the other first. */
function withoutCode(verdict: string): string {
  return /^[A-Z_]+$/u.test(verdict) ? "refused" : verdict;
}
