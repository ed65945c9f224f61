// Servers that say yes to everything, as machines that read what a client sends.

import { ProtocolError } from "../src/errors.ts";
import { parseObjectId, type ObjectId } from "../src/object-id.ts";
import { parseRefName } from "../src/ref-name.ts";
import { ReceivePackServer } from "../src/server/receive-pack-server.ts";
import { receivePackCapabilities, uploadPackCapabilities } from "../src/server/server-capabilities.ts";
import type { UploadPackRequest } from "../src/server/upload-pack-request.ts";
import { UploadPackServer } from "../src/server/upload-pack-server.ts";
import { wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { commands, updateRequests, uploadRequests } from "./request-seeds.ts";
import { digest, type FuzzTarget } from "./target.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));
const REFS = [{ name: parseRefName("refs/heads/a"), oid: A }];
const HERE: ReadonlySet<ObjectId> = new Set([B]);

type Transport = "stateful" | "stateless";

/** An upload-pack that has one object and gives away everything. */
export function uploadPack(version: 0 | 2, transport: Transport): () => Subject {
  return () => {
    const server = new UploadPackServer({
      version,
      transport,
      objectFormat: "sha1",
      capabilities: uploadPackCapabilities({
        version,
        transport,
        objectFormat: "sha1",
        filter: true,
        refInWant: true,
        sidebandAll: true,
        objectInfo: true,
        bundleUri: true,
      }),
    });
    const output = digest();
    const asked: string[] = [];
    if (transport === "stateful") output.add(server.advertise(REFS));
    return {
      feed: (chunk) =>
        orRefused(server, () => {
          for (const request of server.feed(chunk)) {
            if (asked.length < 50) asked.push(request.type);
            for (const bytes of answerTo(server, request)) output.add(bytes);
          }
        }),
      finish: () => {
        orRefused(server, () => server.end());
        return [asked, output.text(), server.state];
      },
    };
  };
}

function* answerTo(server: UploadPackServer, request: UploadPackRequest): Generator<Uint8Array> {
  switch (request.type) {
    case "ls-refs":
      yield server.listRefs(REFS);
      return;
    case "object-info":
      yield server.describeObjects(request.request.oids.map((oid) => ({ type: "missing", oid })));
      return;
    case "bundle-uri":
      yield server.listBundles({ mode: "any", bundles: [] });
      return;
    case "wants":
      yield server.acceptWants({ shallowInfo: { shallow: [A], unshallow: [] } });
      return;
    case "haves":
      yield server.acknowledge({ has: (oid) => HERE.has(oid), isReady: () => true });
      return;
    case "pack":
      yield server.packData(wire("PACK"));
      yield server.endPack();
      return;
  }
}

/** A receive-pack that takes everything. */
export function receivePack(transport: Transport): () => Subject {
  return () => {
    const server = new ReceivePackServer({
      version: 0,
      transport,
      objectFormat: "sha1",
      capabilities: receivePackCapabilities({
        objectFormat: "sha1",
        pushOptions: true,
        atomic: true,
        pushNonce: "1-a",
      }),
    });
    const output = digest();
    const pack = digest();
    const asked: unknown[] = [];
    if (transport === "stateful") output.add(server.advertise({ refs: REFS }));
    return {
      feed: (chunk) =>
        orRefused(server, () => {
          for (const request of server.feed(chunk)) {
            if (request.type === "pack") pack.add(request.data);
            else {
              asked.push(request.update);
              if (!request.hasPack) output.add(server.report({ unpack: { ok: true }, commands: [] }));
            }
          }
        }),
      finish: () => {
        orRefused(server, () => server.end());
        if (server.state === "pack") output.add(server.report({ unpack: { ok: true }, commands: [] }));
        return [asked, pack.text(), output.text(), server.state];
      },
    };
  };
}

/** A server that throws tells its client, which must work wherever it stands. */
function orRefused(server: { refuse(message: string): Uint8Array }, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError && error.code !== "STATE_INVALID") server.refuse(error.message);
    throw error;
  }
}

export const serverTargets: readonly FuzzTarget[] = [
  {
    name: "upload-pack-server",
    recordings: ["req-v0-", "req-v2-"],
    seeds: [...uploadRequests, ...commands],
    ways: {
      "v0 on a connection": uploadPack(0, "stateful"),
      "v0 over HTTP": uploadPack(0, "stateless"),
      "v2 on a connection": uploadPack(2, "stateful"),
      "v2 over HTTP": uploadPack(2, "stateless"),
    },
  },
  {
    name: "receive-pack-server",
    recordings: ["req-push-"],
    seeds: updateRequests,
    ways: { "on a connection": receivePack("stateful"), "over HTTP": receivePack("stateless") },
  },
];
