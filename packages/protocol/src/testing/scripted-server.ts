// A server that says what a script has it say, whatever it hears; and what a session makes of that.

import type { Advertisement, RefAdvertisement } from "../advertisement.ts";
import { CapabilityList, parseCapabilities } from "../capabilities.ts";
import { ProtocolError } from "../errors.ts";
import type { ObjectFormat } from "../object-id.ts";
import type { SessionTransport } from "../session/conversation.ts";
import type { FetchPlan } from "../session/fetch-plan.ts";
import { FetchSession } from "../session/fetch-session.ts";
import type { CommandOutcome } from "../session/push-outcome.ts";
import { type PushPlan, PushSession } from "../session/push-session.ts";
import { concat } from "./bytes.ts";
import { bytewise, cutBy, whole } from "./cuts.ts";

/** A server, as far as a script needs to say. */
export interface Script {
  /** Default: `stateful`. */
  readonly transport?: SessionTransport;
  /** Default: 0. */
  readonly version?: 0 | 1 | 2;
  /** Default: sha1. */
  readonly objectFormat?: ObjectFormat;
  /** Separated by spaces, or in v2 by LF. Default: all that git has. */
  readonly capabilities?: string;
  /** What it says: the bodies of its answers, or what it writes from first to last. */
  readonly says: readonly Uint8Array[];
}

/** What a fetch came to. Ids are told by their first digit. */
export interface FetchStory {
  /** The code, and what the server said. */
  readonly error?: string;
  /** Where it stood when it ended. */
  readonly state: string;
  readonly pack: string;
  readonly progress: string;
  readonly common: string;
  /** `+a-b`. */
  readonly boundary: string;
}

const UPLOAD_PACK =
  "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not deepen-relative no-progress include-tag multi_ack_detailed no-done filter agent=git/2";
const V2 = "agent=git/2\nls-refs=unborn\nfetch=shallow wait-for-done filter ref-in-want";
const RECEIVE_PACK = "report-status report-status-v2 delete-refs side-band-64k quiet atomic agent=git/2";

const CUTS: readonly ((bytes: Uint8Array) => Uint8Array[])[] = [
  whole,
  bytewise,
  (bytes) => cutBy(bytes, [3, 1, 7]),
  (bytes) => cutBy(bytes, [5, 64, 2]),
];

/** Fetch from a script. Throws when what comes of it depends on how the bytes are cut. */
export function fetchFrom(script: Script, plan: FetchPlan): FetchStory {
  return alike(CUTS.map((cut) => fetchOnce(script, plan, cut)));
}

/** Push to a script, and give what became of each command, or of the push. Throws like {@link fetchFrom}. */
export function pushTo(script: Script, plan: PushPlan): PushStory {
  return alike(CUTS.map((cut) => pushOnce(script, plan, cut)));
}

/** What a push came to. */
export interface PushStory {
  readonly error?: string;
  readonly state: string;
  /** `ok refs/heads/main`, `ng refs/heads/main reason`; or that nobody knows. */
  readonly outcome: readonly string[] | "unknown" | "none";
  readonly progress: string;
}

function fetchOnce(script: Script, plan: FetchPlan, cut: (bytes: Uint8Array) => Uint8Array[]): FetchStory {
  const { transport = "stateful" } = script;
  const session = new FetchSession({ transport, advertisement: advertisementOf(script, UPLOAD_PACK) });
  let pack = "";
  let progress = "";
  let boundary = "";
  const error = errorOf(() => {
    session.fetch(plan, {
      onPack: (view) => (pack += text(view)),
      onProgress: (view) => (progress += text(view)),
      onShallowInfo: ({ shallow, unshallow }) => {
        boundary += [...shallow.map((oid) => `+${oid[0]}`), ...unshallow.map((oid) => `-${oid[0]}`)].join("");
      },
    });
    hear(session, script, cut);
  });
  const { status } = session;
  const common = status.state === "done" ? (status.result?.common ?? []) : [];
  return {
    ...error,
    state: status.state,
    pack,
    progress,
    boundary,
    common: common.map((oid) => oid[0]).join(""),
  };
}

function pushOnce(script: Script, plan: PushPlan, cut: (bytes: Uint8Array) => Uint8Array[]): PushStory {
  const { transport = "stateful" } = script;
  const advertisement = advertisementOf(script, RECEIVE_PACK);
  if (advertisement.version === 2) throw new Error("v2 has no push");
  const session = new PushSession({ transport, advertisement });
  let progress = "";
  const error = errorOf(() => {
    session.push(plan, { onProgress: (view) => (progress += text(view)) });
    hear(session, script, cut);
  });
  const { status } = session;
  const outcome = status.state === "done" || status.state === "failed" ? status.outcome : undefined;
  return {
    ...error,
    state: status.state,
    progress,
    outcome: outcome?.type === "reported" ? outcome.commands.map(verdict) : (outcome?.type ?? "none"),
  };
}

function verdict(outcome: CommandOutcome): string {
  const { ref } = outcome.command;
  if (outcome.type === "ng") return `ng ${ref} ${outcome.reason}`;
  const done = outcome.type === "ok" ? outcome.reports.map(({ refName }) => ` as ${refName ?? ref}`) : [];
  return `${outcome.type} ${ref}${done.join("")}`;
}

/** Let the script speak to its end, cut into pieces, or until nobody listens. */
function hear(
  session: FetchSession | PushSession,
  { transport = "stateful", says }: Script,
  cut: (bytes: Uint8Array) => Uint8Array[],
): void {
  const bodies = transport === "stateful" ? [concat(...says)] : says;
  for (const body of bodies) {
    if (transport === "stateful") session.takeBytes();
    else if (session.takeRequest() === undefined) return;
    if ("packSent" in session && session.state === "packfile") session.packSent();
    for (const chunk of cut(body)) {
      if (!session.receiving) break;
      session.feed(chunk);
      if (transport === "stateful") session.takeBytes();
    }
    if (session.receiving) session.end();
  }
}

function errorOf(step: () => void): { readonly error?: string } {
  try {
    step();
    return {};
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { message } = error.details;
    return { error: message === undefined ? error.code : `${error.code}: ${message}` };
  }
}

function advertisementOf(
  { version = 0, objectFormat = "sha1", capabilities }: Script,
  all: string,
): Advertisement {
  if (version === 2) {
    return { version, objectFormat, capabilities: new CapabilityList((capabilities ?? V2).split("\n")) };
  }
  const advertisement: RefAdvertisement = {
    version,
    objectFormat,
    capabilities: parseCapabilities(capabilities ?? all),
    refs: [],
    shallow: [],
    alternateTips: [],
    invalidNames: [],
  };
  return advertisement;
}

function alike<Story>(stories: readonly Story[]): Story {
  const [first, ...others] = stories;
  if (first === undefined) throw new Error("there is no story");
  const expected = JSON.stringify(first);
  for (const other of others) {
    if (JSON.stringify(other) !== expected)
      throw new Error(`depends on cuts: ${expected} or ${JSON.stringify(other)}`);
  }
  return first;
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
