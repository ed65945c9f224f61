import { describe, test } from "vitest";
import { vector, vectorNames } from "../fixtures/vectors.ts";
import { AdvertisementDecoder } from "./advertisement-decoder.ts";
import { ProtocolError } from "./errors.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "./fetch-response-decoder.ts";
import { formatAdvertisedRef, formatAdvertisement } from "./format/advertisement.ts";
import { formatAcknowledgments, formatShallowInfo } from "./format/fetch.ts";
import { formatReportStatus } from "./format/push.ts";
import { LsRefsDecoder } from "./ls-refs.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "./object-id.ts";
import { createHasher } from "./pack/hasher.ts";
import { readPackObjects } from "./pack/reader.ts";
import { PackVerifier } from "./pack/trailer.ts";
import { formatRefName } from "./ref-name-format.ts";
import { ReportStatusDecoder } from "./report-status-decoder.ts";
import { bytewise, cutBy, everyCut, outcome, type Subject, whole } from "./testing/cuts.ts";
import { concat, packets } from "./testing/bytes.ts";
import type { AckMode, SidebandChoice } from "./upload-capabilities.ts";

// Each recording of real git is decoded to a golden text, then again under every single cut, byte by byte and in
// irregular pieces; and no part of it that ends early may pass for the whole.

const [TIP = "", PARENT = "", OLD = ""] = String.fromCharCode(...vector("oids.txt"))
  .trim()
  .split(" ");
const COMMON: ReadonlySet<ObjectId> = new Set(
  [TIP, PARENT, OLD, "1".repeat(40), "4".repeat(40)].map((id) => parseObjectId(id)),
);

interface Recording {
  readonly name: string;
  readonly stream: Uint8Array;
  readonly make: () => Subject;
  /** Lengths shorter than the whole at which the answer may end. */
  readonly mayEndEarly?: boolean;
}

function advertisement(name: string, header: boolean): Recording {
  const service = name.includes("-up-") ? "git-upload-pack" : "git-receive-pack";
  const make = (): Subject => {
    const decoder = new AdvertisementDecoder({ service, smartHttp: true });
    return { feed: (chunk) => decoder.feed(chunk), finish: () => formatAdvertisement(decoder.finish()) };
  };
  const prefix = header ? packets(`# service=${service}\n`, "0000") : new Uint8Array(0);
  return { name: header ? `${name} with service header` : name, stream: concat(prefix, vector(name)), make };
}

function lsRefs(name: string): Recording {
  const make = (): Subject => {
    const decoder = new LsRefsDecoder({ objectFormat: "sha1" });
    return {
      feed: (chunk) => decoder.feed(chunk),
      finish: () => {
        const { refs, unbornHead } = decoder.finish();
        const unborn = unbornHead === undefined ? [] : [`unborn HEAD -> ${formatRefName(unbornHead)}`];
        return [...refs.map(formatAdvertisedRef), ...unborn].join("\n");
      },
    };
  };
  return { name, stream: vector(name), make };
}

function fetchSubject(options: FetchResponseOptions): Subject {
  const pack: Uint8Array[] = [];
  const progress: Uint8Array[] = [];
  const decoder = new FetchResponseDecoder(options, {
    onPack: (view) => pack.push(view.slice()),
    onProgress: (view) => progress.push(view.slice()),
  });
  return {
    feed: (chunk) => decoder.feed(chunk),
    finish: () => {
      decoder.finish();
      const bytes = concat(...pack);
      return [
        formatShallowInfo(decoder.shallowInfo),
        formatAcknowledgments(decoder.acknowledgments),
        ...decoder.wantedRefs.map(({ name, oid }) => `wanted ${oid} ${formatRefName(name)}`),
        describePack(bytes),
        progress.length === 0
          ? ""
          : `progress ${createHasher("sha1")
              .update(concat(...progress))
              .digestHex()}`,
      ]
        .filter((line) => line !== "")
        .join("\n");
    },
  };
}

const packDescriptions = new Map<string, string>();

/** The same pack comes out of every cut, so it is read once. */
function describePack(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const hash = createHasher("sha1").update(bytes).digestHex();
  const known = packDescriptions.get(hash);
  if (known !== undefined) return known;
  let description: string;
  try {
    const ids = Array.from(readPackObjects(bytes, { format: "sha1" }), ({ oid, type }) => `${oid} ${type}`);
    description = `pack ${hash}\n${ids.sort().join("\n")}`;
  } catch (error) {
    description = `pack ${hash} ${error instanceof ProtocolError ? error.code : "?"}`;
  }
  packDescriptions.set(hash, description);
  return description;
}

function fetchV2(name: string, sentDone: boolean): Recording {
  const make = (): Subject => fetchSubject({ version: 2, sentDone, sentHaves: COMMON });
  return { name, stream: vector(name), make };
}

interface Round {
  readonly ackMode?: AckMode;
  readonly sideband?: SidebandChoice;
  readonly sentDone?: boolean;
  readonly noDone?: boolean;
  readonly expectShallow?: boolean;
}

function fetchV0(name: string, round: Round): Recording {
  const { ackMode = "multi_ack_detailed", sideband = "side-band-64k", sentDone = true } = round;
  const { noDone = false, expectShallow = false } = round;
  const make = (): Subject =>
    fetchSubject({ version: 0, ackMode, sideband, sentDone, noDone, expectShallow, sentHaves: COMMON });
  // A pack without side-band, and an answer of shallow lines alone, have no end but the stream's.
  return {
    name,
    stream: vector(name),
    make,
    mayEndEarly: sideband === "none" || (expectShallow && !sentDone),
  };
}

function report(
  name: string,
  options: { readonly sideband?: boolean; readonly v2?: boolean } = {},
): Recording {
  const make = (): Subject => {
    let progress = "";
    const decoder = new ReportStatusDecoder({
      sideband: options.sideband ?? true,
      v2: options.v2 ?? false,
      onProgress: (view) => (progress += String.fromCharCode(...view)),
    });
    return {
      feed: (chunk) => decoder.feed(chunk),
      finish: () => [formatReportStatus(decoder.finish()), progress].filter((line) => line !== "").join("\n"),
    };
  };
  return { name, stream: vector(name), make, mayEndEarly: true };
}

function pack(name: string, format: ObjectFormat): Recording {
  const make = (): Subject => {
    const forwarded: Uint8Array[] = [];
    const verifier = new PackVerifier({ format });
    return {
      feed: (chunk) => {
        for (const view of verifier.feed(chunk)) forwarded.push(view.slice());
      },
      finish: () => {
        const trailer = verifier.finish();
        const whole = concat(...forwarded, trailer);
        return `${verifier.objectCount ?? 0} objects, ${verifier.bytes} bytes\n${format === "sha1" ? describePack(whole) : ""}`;
      },
    };
  };
  return { name, stream: vector(name), make };
}

const recordings: readonly Recording[] = [
  ...vectorNames("adv-", ".bin").flatMap((name) => [advertisement(name, false), advertisement(name, true)]),
  ...vectorNames("v2-lsrefs-", ".bin").map(lsRefs),
  fetchV2("v2-fetch-clone.bin", true),
  fetchV2("v2-fetch-ready.bin", false),
  fetchV2("v2-fetch-nak.bin", false),
  fetchV2("v2-fetch-waitfordone.bin", false),
  fetchV2("v2-fetch-deepen.bin", true),
  fetchV2("v2-fetch-unshallow.bin", true),
  fetchV2("v2-fetch-servershallow.bin", true),
  fetchV2("v2-fetch-wantedrefs.bin", true),
  fetchV2("v2-fetch-notourref.bin", true),
  fetchV2("v2-fetch-nowants.bin", true),
  fetchV2("v2-fetch-sidebandall.bin", false),
  fetchV0("v0-clone.bin", {}),
  fetchV0("v0-mad-round1.bin", { sentDone: false }),
  fetchV0("v0-mad-done.bin", {}),
  fetchV0("v0-mad-nodone-ready.bin", { sentDone: false, noDone: true }),
  fetchV0("v0-ma-round1.bin", { ackMode: "multi_ack", sentDone: false }),
  fetchV0("v0-noack-round1.bin", { ackMode: "none", sentDone: false }),
  fetchV0("v0-noack-done.bin", { ackMode: "none" }),
  fetchV0("v0-deepen-phase1.bin", { sentDone: false, expectShallow: true }),
  fetchV0("v0-deepen-phase2.bin", { expectShallow: true }),
  fetchV0("v0-deepen-emptyboundary.bin", { expectShallow: true }),
  fetchV0("v0-sideband1000.bin", { ackMode: "none", sideband: "side-band" }),
  fetchV0("v0-nosideband.bin", { ackMode: "none", sideband: "none" }),
  fetchV0("v0-notourref.bin", {}),
  fetchV0("v0-flushonly.bin", {}),
  fetchV0("v0-emptypkt.bin", {}),
  report("rp-create-ok.bin"),
  report("rp-delete-ok-v2.bin", { v2: true }),
  report("rp-delete-staleold.bin"),
  report("rp-dfconflict-nosideband.bin", { sideband: false }),
  report("rp-atomic-fail.bin"),
  report("rp-badpack.bin"),
  report("rp-hiddenref.bin"),
  report("rp-procreceive-v2.bin", { v2: true }),
  report("rp-pushoptions-hookfail.bin"),
  pack("pack-ofs.pack", "sha1"),
  pack("pack-ref.pack", "sha1"),
  pack("pack-thin.pack", "sha1"),
  pack("pack-empty.pack", "sha1"),
  pack("pack-empty-sha256.pack", "sha256"),
];

describe("recordings of real git", () => {
  test.for(recordings)("$name", ({ stream, make, mayEndEarly = false }, { expect }) => {
    const golden = outcome(make, whole(stream));
    const text: unknown = golden.startsWith("error") ? golden : JSON.parse(golden);
    expect(text).toMatchSnapshot();
    if (stream.length === 0) return;
    expect(outcome(make, bytewise(stream))).toBe(golden);
    expect(outcome(make, cutBy(stream, [3, 1, 17, 2, 64, 5, 200]))).toBe(golden);
    for (const chunks of everyCut(stream)) {
      expect(outcome(make, chunks)).toBe(golden);
    }
    if (mayEndEarly) return;
    for (let length = 0; length < stream.length; length += 1) {
      const cut = outcome(make, [stream.subarray(0, length)]);
      expect(cut).toMatch(
        /^error (?:PKT_TRUNCATED|STREAM_TRUNCATED|PACK_TRUNCATED|PACK_CHECKSUM|ADVERTISEMENT_EMPTY|REMOTE_ERROR|SECTION_UNKNOWN)$/,
      );
    }
  });

  test("every recording is decoded", ({ expect }) => {
    const decoded = new Set(recordings.map(({ name }) => name.split(" ")[0]));
    const all = [...vectorNames("", ".bin"), ...vectorNames("", ".pack")];
    // object-info is a command this package does not speak.
    expect(all.filter((name) => !decoded.has(name))).toEqual(["v2-objectinfo.bin"]);
  });
});
