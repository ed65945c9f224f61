// The parsers of the client's side: framing, listings, fetch answers, reports.

import { AdvertisementDecoder } from "../src/advertisement-decoder.ts";
import { decodeText } from "../src/byte-text.ts";
import { hasFeature, objectFormatOf, parseCapabilities } from "../src/capabilities.ts";
import type { UploadResponseOptions } from "../src/fetch-grammar.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "../src/fetch-response-decoder.ts";
import { LsRefsDecoder } from "../src/ls-refs.ts";
import { type ObjectId, parseObjectId } from "../src/object-id.ts";
import { PktLineDecoder } from "../src/pkt-line/pkt-line-decoder.ts";
import { ProgressLines } from "../src/pkt-line/progress-lines.ts";
import { SidebandDecoder } from "../src/pkt-line/sideband-decoder.ts";
import { ReportStatusDecoder } from "../src/report-status-decoder.ts";
import { packets, wire } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { digest, feeding, type FuzzTarget, onWhole } from "./target.ts";

const A = parseObjectId("a".repeat(40));
const B = parseObjectId("b".repeat(40));

function pktLines(): Subject {
  const decoder = new PktLineDecoder();
  const seen = digest();
  let kinds = "";
  return {
    feed: (chunk) =>
      decoder.feed(chunk, (kind, payload) => {
        kinds += kind[0];
        seen.add(payload);
      }),
    finish: () => {
      decoder.finish();
      return [kinds, seen.text()];
    },
  };
}

function sideband(): Subject {
  const pack = digest();
  const lines: string[] = [];
  const progress = new ProgressLines({ onLine: ({ text }) => void (lines.length < 50 && lines.push(text)) });
  const decoder = new SidebandDecoder({ onPack: pack.add, onProgress: (view) => progress.feed(view) });
  return {
    feed: (chunk) => decoder.feed(chunk),
    finish: () => {
      decoder.finish();
      progress.finish();
      return [pack.text(), lines];
    },
  };
}

function advertisement(service: "git-upload-pack" | "git-receive-pack", smartHttp: boolean): () => Subject {
  return feeding(
    () => new AdvertisementDecoder({ service, smartHttp }),
    (decoder) => decoder.finish(),
  );
}

function fetchResponse(options: FetchResponseOptions): () => Subject {
  return () => {
    const pack = digest();
    const progress = digest();
    const decoder = new FetchResponseDecoder(options, { onPack: pack.add, onProgress: progress.add });
    return {
      feed: (chunk) => decoder.feed(chunk),
      finish: () => {
        decoder.finish();
        const { acknowledgments, shallowInfo, wantedRefs, packfileUris } = decoder;
        return [acknowledgments, shallowInfo, wantedRefs, packfileUris, pack.text(), progress.text()];
      },
    };
  };
}

const HAVES: ReadonlySet<ObjectId> = new Set(
  ["1", "4", "a", "b"].map((digit) => parseObjectId(digit.repeat(40))),
);

/** Every mode of a v0 answer, by name. */
function fetchV0Ways(): Record<string, () => Subject> {
  const ways: Record<string, () => Subject> = {};
  for (const ackMode of ["none", "multi_ack", "multi_ack_detailed"] as const) {
    for (const band of ["none", "side-band", "side-band-64k"] as const) {
      for (const round of ["done", "round", "no-done"] as const) {
        for (const expectShallow of [false, true]) {
          const options: UploadResponseOptions = {
            version: 0,
            ackMode,
            sideband: band,
            sentDone: round === "done",
            noDone: round === "no-done",
            expectShallow,
            sentHaves: HAVES,
          };
          const name = `${ackMode} acks, ${band} bands, ${round}${expectShallow ? ", shallow" : ""}`;
          ways[name] = fetchResponse(options);
        }
      }
    }
  }
  return ways;
}

function reports(band: boolean, v2: boolean): () => Subject {
  return feeding(
    () => new ReportStatusDecoder({ sideband: band, v2 }),
    (decoder) => [decoder.finish(), decoder.truncatedAfterReport],
  );
}

/** In the order of a conversation. */
export const answerTargets: readonly FuzzTarget[] = [
  {
    name: "pkt-line",
    recordings: ["v", "rp-", "adv-"],
    seeds: [wire("0006a\n00040000000100020005a")],
    ways: { any: () => pktLines() },
  },
  {
    name: "side-band",
    recordings: ["v0-sideband", "rp-"],
    seeds: [packets("\u0001PACK", "\u0002a\rb\n", "\u0001", "0000")],
    ways: { any: sideband },
  },
  {
    name: "capabilities",
    recordings: [],
    seeds: [wire(" multi_ack symref=HEAD:refs/heads/main object-format=sha1 agent=git/2  x= =y")],
    ways: {
      list: onWhole((bytes) => {
        const list = parseCapabilities(decodeText(bytes));
        return [
          list.entries(),
          list.getAll("symref"),
          hasFeature(list, "fetch", "shallow"),
          objectFormatOf(list),
        ];
      }),
    },
  },
  {
    name: "advertisement",
    recordings: ["adv-"],
    seeds: [
      packets("# service=git-upload-pack\n", "0000", "version 2\n", "fetch=shallow filter\n", "0000"),
      packets(`${A} .have\0agent=x object-format=sha1\n`, `shallow ${B}\n`, "0000"),
    ],
    ways: {
      "upload-pack over HTTP": advertisement("git-upload-pack", true),
      "receive-pack over HTTP": advertisement("git-receive-pack", true),
      "upload-pack over a socket": advertisement("git-upload-pack", false),
    },
  },
  {
    name: "ls-refs",
    recordings: ["v2-lsrefs-"],
    seeds: [
      packets(`${"a".repeat(64)} refs/tags/v1 peeled:${"b".repeat(64)} x symref-target:HEAD\n`, "0000"),
    ],
    ways: {
      sha1: feeding(
        () => new LsRefsDecoder({ objectFormat: "sha1" }),
        (decoder) => decoder.finish(),
      ),
      sha256: feeding(
        () => new LsRefsDecoder({ objectFormat: "sha256" }),
        (decoder) => decoder.finish(),
      ),
    },
  },
  {
    name: "fetch-v2",
    recordings: ["v2-fetch-"],
    seeds: [
      packets("acknowledgments\n", "ready\n", "0001", "wanted-refs\n", `${A} refs/heads/a\n`, "0001"),
      packets("packfile-uris\n", `${A} https://example.com/x\n`, "0001", "packfile\n", "\u0001PACK", "0000"),
    ],
    ways: {
      "after done": fetchResponse({ version: 2, sentDone: true, sentHaves: HAVES }),
      "a round": fetchResponse({ version: 2, sentDone: false, sentHaves: HAVES }),
      "not told": fetchResponse({ version: 2 }),
      "all in side-band": fetchResponse({ version: 2, sidebandAll: true, sentHaves: HAVES }),
    },
  },
  { name: "fetch-v0", recordings: ["v0-"], seeds: [], ways: fetchV0Ways() },
  {
    name: "report-status",
    recordings: ["rp-"],
    seeds: [
      packets(
        "unpack ok\n",
        "ok refs/heads/a\n",
        "option refname refs/x/y\n",
        "option forced-update",
        "0000",
      ),
    ],
    ways: {
      "side-band": reports(true, false),
      "side-band, v2": reports(true, true),
      plain: reports(false, false),
      "plain, v2": reports(false, true),
    },
  },
];
