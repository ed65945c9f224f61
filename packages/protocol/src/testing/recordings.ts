// Every recording of real git, with how it is read, as text, and how what was read is written again.

import { vector, vectorNames } from "../../fixtures/vectors.ts";
import { AdvertisementDecoder } from "../advertisement-decoder.ts";
import {
  encodeCapabilityAdvertisement,
  encodeRefAdvertisement,
  encodeServiceHeader,
} from "../advertisement-encoder.ts";
import type { GitService } from "../advertisement.ts";
import { formatAdvertisement, formatLsRefsResult } from "../format/advertisement.ts";
import { formatFetchResponse, formatObjectInfo } from "../format/fetch.ts";
import { formatReportStatus } from "../format/push.ts";
import { FetchResponseDecoder, type FetchResponseOptions } from "../fetch-response-decoder.ts";
import { encodeFetchResponse } from "../fetch-response-encoder.ts";
import { LsRefsDecoder } from "../ls-refs.ts";
import { encodeLsRefsResponse } from "../ls-refs-encoder.ts";
import { decodeMessage } from "../message-decoder.ts";
import { type ObjectFormat, type ObjectId, parseObjectId } from "../object-id.ts";
import { encodeObjectInfo, ObjectInfoDecoder } from "../object-info.ts";
import { PackVerifier } from "../pack/trailer.ts";
import { encodeReportStatus } from "../report-status.ts";
import { ReportStatusDecoder } from "../report-status-decoder.ts";
import type { AckMode, SidebandChoice } from "../upload-capabilities.ts";
import { concat } from "./bytes.ts";
import type { Subject } from "./cuts.ts";
import { recordedRequest } from "./recorded-requests.ts";
import { type Recording, shown } from "./recording.ts";
import { describePack, hashOf, rewritePack, rewriteRefusal, rewriteSideband } from "./rewriting.ts";

const [TIP = "", PARENT = "", OLD = ""] = new TextDecoder().decode(vector("oids.txt")).trim().split(" ");
const COMMON: ReadonlySet<ObjectId> = new Set(
  [TIP, PARENT, OLD, "1".repeat(40), "4".repeat(40)].map((id) => parseObjectId(id)),
);

/** All of them. */
export function recordings(): Recording[] {
  return [
    ...vectorNames("adv-", ".bin").flatMap((file) => [advertisement(file, false), advertisement(file, true)]),
    ...vectorNames("v2-lsrefs-", ".bin").map(lsRefs),
    objectInfo("v2-objectinfo.bin"),
    ...fetchesV2(),
    ...fetchesV0(),
    ...reports(),
    ...vectorNames("pack-", ".pack").map(pack),
    ...vectorNames("req-", ".bin").map(recordedRequest),
  ];
}

function advertisement(file: string, header: boolean): Recording {
  const service: GitService = file.includes("-up-") ? "git-upload-pack" : "git-receive-pack";
  const decoder = (): AdvertisementDecoder => new AdvertisementDecoder({ service, smartHttp: true });
  const prefix = header ? encodeServiceHeader(service) : new Uint8Array(0);
  return {
    file,
    name: header ? `${file} with service header` : file,
    stream: concat(prefix, vector(file)),
    read: () => shown(decoder(), formatAdvertisement),
    encode: (stream) => {
      const said = decodeMessage(decoder(), stream);
      return concat(
        prefix,
        said.version === 2 ? encodeCapabilityAdvertisement(said) : encodeRefAdvertisement(said),
      );
    },
  };
}

function lsRefs(file: string): Recording {
  const decoder = (): LsRefsDecoder => new LsRefsDecoder({ objectFormat: "sha1" });
  return {
    file,
    name: file,
    stream: vector(file),
    read: () => shown(decoder(), formatLsRefsResult),
    encode: (stream) => encodeLsRefsResponse(decodeMessage(decoder(), stream)),
  };
}

function objectInfo(file: string): Recording {
  const decoder = (): ObjectInfoDecoder => new ObjectInfoDecoder({ objectFormat: "sha1" });
  return {
    file,
    name: file,
    stream: vector(file),
    read: () => shown(decoder(), formatObjectInfo),
    encode: (stream) => encodeObjectInfo(decodeMessage(decoder(), stream)),
  };
}

function fetchesV2(): Recording[] {
  const sentDone = ["clone", "deepen", "unshallow", "servershallow", "wantedrefs", "notourref", "nowants"];
  const goesOn = ["ready", "nak", "waitfordone", "sidebandall"];
  return [...sentDone, ...goesOn].map((name) =>
    fetched(`v2-fetch-${name}.bin`, {
      version: 2,
      sentDone: sentDone.includes(name),
      sentHaves: COMMON,
      sidebandAll: name === "sidebandall",
    }),
  );
}

interface Round {
  readonly ackMode?: AckMode;
  readonly sideband?: SidebandChoice;
  readonly sentDone?: boolean;
  readonly noDone?: boolean;
  readonly expectShallow?: boolean;
}

const ROUNDS: Readonly<Record<string, Round>> = {
  clone: {},
  "mad-round1": { sentDone: false },
  "mad-done": {},
  "mad-nodone-ready": { sentDone: false, noDone: true },
  "ma-round1": { ackMode: "multi_ack", sentDone: false },
  "noack-round1": { ackMode: "none", sentDone: false },
  "noack-done": { ackMode: "none" },
  "deepen-phase1": { sentDone: false, expectShallow: true },
  "deepen-phase2": { expectShallow: true },
  "deepen-emptyboundary": { expectShallow: true },
  sideband1000: { ackMode: "none", sideband: "side-band" },
  nosideband: { ackMode: "none", sideband: "none" },
  notourref: {},
  flushonly: {},
  emptypkt: {},
};

function fetchesV0(): Recording[] {
  return Object.entries(ROUNDS).map(([name, round]) => {
    const { ackMode = "multi_ack_detailed", sideband = "side-band-64k", sentDone = true } = round;
    const { noDone = false, expectShallow = false } = round;
    const recording = fetched(`v0-${name}.bin`, {
      version: 0,
      ackMode,
      sideband,
      sentDone,
      noDone,
      expectShallow,
      sentHaves: COMMON,
    });
    // A pack without side-band, and an answer of shallow lines alone, have no end but the stream's.
    return { ...recording, mayEndEarly: sideband === "none" || (expectShallow && !sentDone) };
  });
}

function fetched(file: string, options: FetchResponseOptions): Recording {
  const hasBands = options.version === 2 || options.sideband !== "none";
  return {
    file,
    name: file,
    stream: vector(file),
    read: () => fetchSubject(options),
    encode: (stream) => {
      const decoder = new FetchResponseDecoder(options, { onPack: () => {} });
      try {
        decoder.feed(stream);
        const head = encodeFetchResponse(decoder.finish(), options);
        const behind = stream.subarray(head.length);
        return concat(head, hasBands ? rewriteSideband(behind) : rewritePack(behind, "sha1"));
      } catch (error) {
        return rewriteRefusal(error);
      }
    },
  };
}

function fetchSubject(options: FetchResponseOptions): Subject {
  const bytes: Uint8Array[] = [];
  const progress: Uint8Array[] = [];
  const decoder = new FetchResponseDecoder(options, {
    onPack: (view) => bytes.push(view.slice()),
    onProgress: (view) => progress.push(view.slice()),
  });
  return {
    feed: (chunk) => decoder.feed(chunk),
    finish: () => {
      const response = formatFetchResponse(decoder.finish());
      const said = progress.length === 0 ? "" : `progress ${hashOf(concat(...progress))}`;
      return [response, describePack(concat(...bytes)), said].filter((line) => line !== "").join("\n");
    },
  };
}

function reports(): Recording[] {
  const v2 = ["delete-ok-v2", "procreceive-v2"];
  const plain = ["dfconflict-nosideband"];
  const rest = [
    "create-ok",
    "delete-staleold",
    "atomic-fail",
    "badpack",
    "hiddenref",
    "pushoptions-hookfail",
  ];
  return [...v2, ...plain, ...rest].map((name) =>
    report(`rp-${name}.bin`, { sideband: !plain.includes(name), v2: v2.includes(name) }),
  );
}

function report(file: string, options: { readonly sideband: boolean; readonly v2: boolean }): Recording {
  return {
    file,
    name: file,
    stream: vector(file),
    read: () => {
      let progress = "";
      const decoder = new ReportStatusDecoder({
        ...options,
        onProgress: (view) => (progress += String.fromCharCode(...view)),
      });
      return {
        feed: (chunk) => decoder.feed(chunk),
        finish: () =>
          [formatReportStatus(decoder.finish()), progress].filter((line) => line !== "").join("\n"),
      };
    },
    encode: (stream) => {
      const decoder = new ReportStatusDecoder(options);
      decoder.feed(stream);
      const inner = encodeReportStatus(decoder.finish(), { ...options, sideband: false });
      return options.sideband ? rewriteSideband(stream, inner) : inner;
    },
    // The report is whole before the stream is.
    mayEndEarly: true,
  };
}

function pack(file: string): Recording {
  const format: ObjectFormat = file.includes("sha256") ? "sha256" : "sha1";
  return {
    file,
    name: file,
    stream: vector(file),
    read: () => {
      const forwarded: Uint8Array[] = [];
      const verifier = new PackVerifier({ format });
      return {
        feed: (chunk) => {
          for (const view of verifier.feed(chunk)) forwarded.push(view.slice());
        },
        finish: () => {
          const trailer = verifier.finish();
          const text = describePack(concat(...forwarded, trailer), format);
          return `${verifier.objectCount ?? 0} objects, ${verifier.bytes} bytes\n${text}`;
        },
      };
    },
    encode: (stream) => rewritePack(stream, format),
  };
}
