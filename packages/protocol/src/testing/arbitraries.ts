// Generators of legal values for property tests.

import fc from "fast-check";
import type { AdvertisedRef } from "../advertisement.ts";
import { type Capability, CapabilityList } from "../capabilities.ts";
import { decodeText } from "../byte-text.ts";
import type { FetchRequest } from "../fetch-request.ts";
import { type ObjectFormat, type ObjectId, objectIdHexLength, parseObjectId } from "../object-id.ts";
import { isValidRefName, parseRefName, type RefName } from "../ref-name.ts";
import type { CommandStatus, ReportStatus } from "../report-status.ts";
import type { RefUpdateCommand } from "../update-request.ts";

export const objectFormat: fc.Arbitrary<ObjectFormat> = fc.constantFrom("sha1", "sha256");

export function objectId(format: ObjectFormat): fc.Arbitrary<ObjectId> {
  const digits = objectIdHexLength(format);
  return fc
    .array(fc.constantFrom(..."0123456789abcdef".split("")), { minLength: digits - 1, maxLength: digits - 1 })
    .map((hex) => parseObjectId(`a${hex.join("")}`, format));
}

/** Valid names, with UTF-8, bytes that are not UTF-8, and legal oddities. */
export const refName: fc.Arbitrary<RefName> = fc
  .array(
    fc.oneof(
      fc.constantFrom(..."ab@{}.-/\"'".split("")),
      fc.constantFrom("é", "日本", "\u{1f600}", "\udce9", "\udc80"),
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((parts) => decodeSafely(`refs/heads/x${parts.join("")}`))
  .filter((name) => isValidRefName(name))
  .map(parseRefName);

/** Lone surrogates that happen to spell UTF-8 become the character, as in every decoded name. */
function decodeSafely(text: string): string {
  const bytes = Array.from(text).flatMap((character) => {
    const unit = character.charCodeAt(0);
    const isByte = character.length === 1 && unit >= 0xdc80 && unit <= 0xdcff;
    return isByte ? [unit - 0xdc00] : [...new TextEncoder().encode(character)];
  });
  return decodeText(Uint8Array.from(bytes));
}

export const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 });

const capabilityName = fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/).filter((name) => name !== "object-format");
const capabilityValue = fc.stringMatching(/^[!-~]{0,12}$/);

export const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ name: capabilityName }),
  fc.record({ name: capabilityName, value: capabilityValue }),
);

/** Capabilities that name the format, so that a decoder knows the width of ids. */
export function capabilityList(format: ObjectFormat): fc.Arbitrary<CapabilityList> {
  return fc
    .array(capability, { maxLength: 6 })
    .map(
      (list) =>
        new CapabilityList([...list.filter(({ name }) => name !== "symref"), `object-format=${format}`]),
    );
}

export function advertisedRefs(format: ObjectFormat, symrefs: boolean): fc.Arbitrary<AdvertisedRef[]> {
  const always = { name: refName, oid: objectId(format) };
  const ref: fc.Arbitrary<AdvertisedRef> = symrefs
    ? fc.record(
        { ...always, symrefTarget: refName, peeled: objectId(format) },
        { requiredKeys: ["name", "oid"] },
      )
    : fc.record({ ...always, peeled: objectId(format) }, { requiredKeys: ["name", "oid"] });
  return fc.uniqueArray(ref, { maxLength: 8, selector: ({ name }) => name });
}

export function commands(format: ObjectFormat): fc.Arbitrary<RefUpdateCommand[]> {
  const oid = objectId(format);
  const command: fc.Arbitrary<RefUpdateCommand> = fc.oneof(
    fc.record({ type: fc.constant("create" as const), ref: refName, newId: oid }),
    fc.record({ type: fc.constant("update" as const), ref: refName, oldId: oid, newId: oid }),
    fc.record({ type: fc.constant("delete" as const), ref: refName, oldId: oid }),
  );
  return fc.array(command, { minLength: 1, maxLength: 6 });
}

const prose = fc.stringMatching(/^[a-z][a-z ()'-]{0,20}$/).filter((text) => text !== "ok");

export const reportStatus: fc.Arbitrary<ReportStatus> = fc.record({
  unpack: fc.oneof(
    fc.constant({ ok: true as const }),
    fc.record({ ok: fc.constant(false as const), error: prose }),
  ),
  commands: fc.array(
    fc.oneof(
      fc.record({
        type: fc.constant("ok" as const),
        ref: refName,
        options: fc.record(
          {
            refName,
            oldId: objectId("sha1"),
            newId: objectId("sha1"),
            forcedUpdate: fc.constant(true as const),
          },
          { requiredKeys: [] },
        ),
      }),
      fc.record({ type: fc.constant("ng" as const), ref: refName, reason: prose }),
    ) satisfies fc.Arbitrary<CommandStatus>,
    { maxLength: 6 },
  ),
});

export function fetchRequest(format: ObjectFormat): fc.Arbitrary<FetchRequest> {
  const oid = objectId(format);
  const flag = fc.constant(true as const);
  return fc.record(
    {
      wants: fc.array(oid, { minLength: 1, maxLength: 4 }),
      haves: fc.array(oid, { maxLength: 4 }),
      done: fc.boolean(),
      thinPack: flag,
      ofsDelta: flag,
      includeTag: flag,
      noProgress: flag,
      filter: fc.constantFrom("blob:none", "tree:0"),
      shallow: fc.array(oid, { minLength: 1, maxLength: 3 }),
      deepen: fc.oneof(
        fc.record({ type: fc.constant("depth" as const), depth: fc.integer({ min: 1, max: 0x7fff_ffff }) }),
        fc.record({ type: fc.constant("depth" as const), depth: fc.constant(3), relative: flag }),
        fc.record({
          type: fc.constant("boundary" as const),
          since: fc.integer({ min: 1, max: 2_000_000_000 }),
        }),
        fc.record({
          type: fc.constant("boundary" as const),
          not: fc.constant(["refs/heads/x", "refs/tags/y"]),
        }),
      ),
    },
    { requiredKeys: ["wants", "haves", "done"] },
  );
}
