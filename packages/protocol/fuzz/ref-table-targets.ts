// The columns of refs, held against the plain objects that are made from them.

import { AdvertisementDecoder } from "../src/advertisement-decoder.ts";
import type { AdvertisedRef } from "../src/advertisement.ts";
import { encodeLsRefsResponse } from "../src/ls-refs-encoder.ts";
import { LsRefsDecoder } from "../src/ls-refs.ts";
import type { ObjectFormat } from "../src/object-id.ts";
import { compareRefNames, isValidRefName, type RefName } from "../src/ref-name.ts";
import { RefTable } from "../src/ref-table.ts";
import { packets } from "../src/testing/bytes.ts";
import type { Subject } from "../src/testing/cuts.ts";
import { feeding, type FuzzTarget } from "./target.ts";

/** Throws unless every way to read the table says the same. @returns what it says. */
function reading(table: RefTable): unknown {
  const refs = [...table];
  const last = new Map(refs.map((ref) => [ref.name, ref]));
  for (const [row, ref] of refs.entries()) {
    sameOr(`row ${row}`, table.ref(row), ref);
    sameOr(`the row of ${ref.name}`, table.ref(table.rowOf(ref.name)), last.get(ref.name));
    sameOr(`the row like ${row}`, table.rowLike(table, row, row) >= 0, true);
    sameOr(`the name of row ${row}`, isValidRefName(ref.name) || ref.name === "HEAD", true);
  }
  sameOr(
    "the names",
    [...table.names()],
    refs.map(({ name }) => name),
  );
  sameOr(
    "the ids",
    [...table.ids()],
    refs.map(({ oid }) => oid),
  );
  const [{ name } = { name: "" }] = refs;
  const prefix = name.slice(0, name.lastIndexOf("/") + 1);
  sameOr("the refs under a prefix", [...table.under(prefix)], sortedUnder(last, prefix));
  sameOr("the refs, put in again", [...RefTable.from(table.objectFormat, refs)], refs);
  return [refs, table.isSorted, table.head];
}

function sortedUnder(refs: ReadonlyMap<RefName, AdvertisedRef>, prefix: string): readonly AdvertisedRef[] {
  return [...refs.values()]
    .filter(({ name }) => name !== "HEAD" && name.startsWith(prefix))
    .toSorted((a, b) => compareRefNames(a.name, b.name));
}

function sameOr(what: string, found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what}: ${left}, not ${right}`);
}

function lsRefs(objectFormat: ObjectFormat): () => Subject {
  return feeding(
    () => new LsRefsDecoder({ objectFormat }),
    (decoder) => {
      const { table, refs } = decoder.finish();
      sameOr("what is encoded again", relisted(refs, objectFormat), refs);
      return reading(table);
    },
  );
}

function relisted(refs: readonly AdvertisedRef[], objectFormat: ObjectFormat): readonly AdvertisedRef[] {
  const decoder = new LsRefsDecoder({ objectFormat });
  decoder.feed(encodeLsRefsResponse({ refs }));
  return decoder.finish().refs;
}

const [A, B] = ["a".repeat(40), "b".repeat(40)];

export const refTableTargets: readonly FuzzTarget[] = [
  {
    name: "ref-table",
    recordings: ["adv-", "v2-lsrefs-"],
    seeds: [
      packets(
        `${A} HEAD symref-target:refs/heads/b\n`,
        `${B} refs/heads/b\n`,
        `${A} refs/heads/a.b\n`,
        "0000",
      ),
      packets(`${A} refs/heads/a.lockx\n`, `${B} refs/heads/a.lock/x\n`, `${B} refs/heads/a\u00e9\n`, "0000"),
      packets(`${A} refs/tags/v1\0agent=x\n`, `${B} refs/tags/v1^{}\n`, `${B} refs/tags/v1\n`, "0000"),
    ],
    ways: {
      "ls-refs": lsRefs("sha1"),
      "ls-refs of sha256": lsRefs("sha256"),
      advertisement: feeding(
        () => new AdvertisementDecoder({ service: "git-upload-pack", smartHttp: true }),
        (decoder) => {
          const advertisement = decoder.finish();
          return advertisement.version === 2 ? [] : reading(advertisement.table);
        },
      ),
    },
  },
];
