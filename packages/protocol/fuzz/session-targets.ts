// Whole client sessions, which ask on by themselves, against a server that says anything.

import { CapabilityList, parseCapabilities } from "../src/capabilities.ts";
import { ProtocolError } from "../src/errors.ts";
import { type ObjectId, parseObjectId } from "../src/object-id.ts";
import { parseRefName } from "../src/ref-name.ts";
import type { FetchPlan } from "../src/session/fetch-plan.ts";
import { FetchSession } from "../src/session/fetch-session.ts";
import { PushSession } from "../src/session/push-session.ts";
import { concat, packets } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { digest, type FuzzTarget, onWhole } from "./target.ts";

const ONE = parseObjectId("1".repeat(40));
/** Enough for several rounds; a recording acknowledges some of them. */
const HAVES: readonly ObjectId[] = ["1", "4", "a", "b"]
  .map((digit) => parseObjectId(digit.repeat(40)))
  .concat(Array.from({ length: 60 }, (_, index) => parseObjectId(index.toString(16).padStart(40, "0"))));

const V0 = {
  version: 0,
  objectFormat: "sha1",
  capabilities: parseCapabilities(
    "multi_ack_detailed no-done side-band-64k ofs-delta shallow deepen-since no-progress agent=git/2",
  ),
  refs: [],
  shallow: [],
  alternateTips: [],
  invalidNames: [],
} as const;
const V2 = {
  version: 2,
  objectFormat: "sha1",
  capabilities: new CapabilityList([
    "ls-refs=unborn",
    "fetch=shallow wait-for-done ref-in-want sideband-all packfile-uris",
    "object-info",
    "bundle-uri",
  ]),
} as const;
const RECEIVE = { ...V0, capabilities: parseCapabilities("report-status-v2 side-band-64k delete-refs") };

/** Where the bodies of HTTP answers end in an input. */
const END_OF_BODY = "\n<>\n";

type Begin = (plan: Partial<FetchPlan>) => { readonly session: FetchSession; readonly text: () => string };

function begin(advertisement: typeof V0 | typeof V2, transport: "stateful" | "stateless"): Begin {
  return (plan) => {
    const session = new FetchSession({ transport, advertisement, agent: "x" });
    const pack = digest();
    session.fetch({ wants: [ONE], haves: HAVES, ...plan }, { onPack: pack.add });
    return { session, text: pack.text };
  };
}

/** What a server says unasked is refused, or not read at all when it comes by itself: that much depends on the cut. */
const UNASKED = "more than was asked for";

/** Feeds while an answer is due. @returns true when more came than that. */
function feedDue(session: FetchSession, chunk: Uint8Array): boolean {
  if (!session.receiving) return chunk.length > 0;
  try {
    session.feed(chunk);
    return false;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "ANSWER_UNEXPECTED") return true;
    throw error;
  }
}

/** One connection: what the session writes is taken and lost. */
function onConnection(start: Begin, plan: Partial<FetchPlan> = {}): () => Subject {
  return () => {
    const { session, text } = start(plan);
    let written = session.takeBytes()?.length ?? 0;
    let unasked = false;
    return {
      feed: (chunk) => {
        if (feedDue(session, chunk)) unasked = true;
        written += session.takeBytes()?.length ?? 0;
      },
      finish: () => {
        if (unasked) return UNASKED;
        if (session.receiving) session.end();
        return [session.status, text(), written];
      },
    };
  };
}

/** A question on a connection, and what is known after its answer. */
function asking(ask: (session: FetchSession) => void): () => Subject {
  return onConnection(() => {
    const session = new FetchSession({ transport: "stateful", advertisement: V2 });
    ask(session);
    return { session, text: () => "" };
  });
}

/** HTTP: as many bodies as there are requests. */
function overHttp(start: Begin, plan: Partial<FetchPlan> = {}): () => Subject {
  return onWhole((bytes) => {
    const { session, text } = start(plan);
    for (const body of bodiesOf(bytes)) {
      if (session.takeRequest() === undefined) break;
      session.feed(body);
      session.end();
    }
    return [session.status, text()];
  });
}

function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return text.split(END_OF_BODY).map((body) => Uint8Array.from(body, (character) => character.charCodeAt(0)));
}

function push(): Subject {
  const session = new PushSession({ transport: "stateful", advertisement: RECEIVE });
  const progress = digest();
  session.push(
    {
      commands: [
        { type: "create", ref: parseRefName("refs/heads/new"), newId: ONE },
        { type: "delete", ref: parseRefName("refs/heads/old"), oldId: ONE },
      ],
    },
    { onProgress: progress.add },
  );
  session.takeBytes();
  return {
    // What comes behind the report is not read, in the same chunk or in the next: servers repeat the last flush-pkt.
    feed: (chunk) => {
      if (session.receiving) session.feed(chunk);
    },
    finish: () => {
      session.packSent();
      if (session.receiving) session.end();
      return [session.status, progress.text()];
    },
  };
}

const ROUNDS = packets("NAK\n", `ACK ${"1".repeat(40)} common\n`, `ACK ${"1".repeat(40)} ready\n`, "NAK\n");
const FOUND = packets("acknowledgments\n", `ACK ${"1".repeat(40)}\n`, "0000");
const READY = packets("acknowledgments\n", "ready\n", "0001", "packfile\n", "\u0001PACK", "0000");
const bodyEnd = Uint8Array.from(END_OF_BODY, (character) => character.charCodeAt(0));

export const sessionTargets: readonly FuzzTarget[] = [
  {
    name: "fetch-session",
    recordings: ["v0-mad", "v0-deepen", "v0-clone", "v2-fetch-"],
    seeds: [
      concat(ROUNDS, packets(`ACK ${"1".repeat(40)}\n`, "\u0001PACK", "0000")),
      concat(FOUND, READY),
      concat(FOUND, bodyEnd, READY),
    ],
    ways: {
      "v0 on a connection": onConnection(begin(V0, "stateful")),
      "v0 on a connection, deepening": onConnection(begin(V0, "stateful"), {
        deepen: { type: "depth", depth: 1 },
      }),
      "v0 over HTTP": overHttp(begin(V0, "stateless")),
      "v2 on a connection": onConnection(begin(V2, "stateful")),
      "v2 on a connection, at once": onConnection(begin(V2, "stateful"), { negotiation: "at-once" }),
      "v2 on a connection, all in side-band": onConnection(begin(V2, "stateful"), { sidebandAll: true }),
      "v2 over HTTP": overHttp(begin(V2, "stateless")),
      "refs in v2": asking((session) => session.listRefs({ prefixes: [], symrefs: true, unborn: true })),
      "object-info": asking((session) => session.askObjectInfo({ size: true, oids: [ONE] })),
      "bundle-uri": asking((session) => session.askBundleUri()),
    },
  },
  { name: "push-session", recordings: ["rp-"], seeds: [], ways: { "on a connection": push } },
];
