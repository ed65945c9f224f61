// The parsers of names and ids.

import { decodeText } from "../src/byte-text.ts";
import { parseObjectId } from "../src/object-id.ts";
import { decodeRefName, encodeRefName, isValidRefName, parseRefName } from "../src/ref-name.ts";
import { formatRefName, parseFormattedRefName } from "../src/ref-name-format.ts";
import { wire } from "../src/testing/bytes.ts";
import { type FuzzTarget, onWhole } from "./target.ts";

export const nameTargets: readonly FuzzTarget[] = [
  {
    name: "ref-name",
    recordings: [],
    seeds: [
      "refs/heads/main",
      "refs/heads/caf\u00c3\u00a9",
      "refs/heads/caf\u00e9",
      '"refs/heads/caf\\351"',
    ].map(wire),
    ways: {
      bytes: onWhole((bytes) => {
        const name = parseRefName(decodeText(bytes));
        return [name, formatRefName(name), parseFormattedRefName(formatRefName(name)) === name];
      }),
      lossless: onWhole((bytes) => {
        const back = encodeRefName(decodeRefName(bytes));
        if (decodeText(back) !== decodeText(bytes)) throw new Error("a name's bytes are not what they were");
        return back;
      }),
      formatted: onWhole((bytes) => [
        isValidRefName(decodeText(bytes)),
        parseFormattedRefName(decodeText(bytes)),
      ]),
      id: onWhole((bytes) => parseObjectId(decodeText(bytes))),
    },
  },
];
