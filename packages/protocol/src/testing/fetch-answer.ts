// A fetch answer in one line, read whole and in every pair of pieces.

import { FetchResponseDecoder, type FetchResponseOptions } from "../fetch-response-decoder.ts";
import { bytewise, everyCut, outcome, type Subject, whole } from "./cuts.ts";

function subject(options: FetchResponseOptions): () => Subject {
  return () => {
    let pack = "";
    let starts = 0;
    let done = false;
    const decoder = new FetchResponseDecoder(options, {
      onPack: (view) => (pack += String.fromCharCode(...view)),
      onPackStart: () => (starts += 1),
    });
    return {
      feed: (chunk) => (done = decoder.feed(chunk) || done),
      finish: () => {
        decoder.finish();
        const {
          acknowledgments: { acks, nak, ready },
          shallowInfo,
        } = decoder;
        const said = [
          ...acks.map(({ oid, status }) => `${oid[0] ?? ""} ${status}`),
          nak ? "NAK" : "",
          ready ? "ready" : "",
        ];
        const boundary = [
          ...shallowInfo.shallow.map((oid) => `+${oid[0] ?? ""}`),
          ...shallowInfo.unshallow.map((oid) => `-${oid[0] ?? ""}`),
        ];
        return [...boundary, ...said, pack, starts > 0 ? `start ${starts}` : "", done ? "done" : ""]
          .filter((word) => word !== "")
          .join(", ");
      },
    };
  };
}

/** What is read, ids by their first digit, or the code of the error; or a complaint when it depends on the cuts. */
export function readAnswer(options: FetchResponseOptions, stream: Uint8Array): string {
  const expected = outcome(subject(options), whole(stream));
  const others = [bytewise(stream), ...everyCut(stream)].map((chunks) => outcome(subject(options), chunks));
  return others.every((other) => other === expected)
    ? expected.replaceAll('"', "")
    : `depends on cuts: ${expected} ${others.join(" ")}`;
}
