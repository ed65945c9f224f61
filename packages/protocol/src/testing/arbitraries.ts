// Generators of legal values for property tests.

import fc from "fast-check";
import type { AdvertisedRef } from "../advertisement.ts";
import { type Capability, CapabilityList } from "../capabilities.ts";
import { decodeText } from "../byte-text.ts";
import { type ObjectFormat, type ObjectId, objectIdHexLength, parseObjectId } from "../object-id.ts";
import { isValidRefName, parseRefName, type RefName } from "../ref-name.ts";

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
      fc.constantFrom("é", "日本", "\u{1f600}"),
      fc.integer({ min: 0x80, max: 0xff }).map((byte) => String.fromCharCode(0xdc00 + byte)),
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

/** Printable text in one line, which no decoder escapes. */
export const prose: fc.Arbitrary<string> = fc
  .stringMatching(/^[a-z][ -~]{0,20}$/)
  .filter((text) => text !== "ok" && text.trim() === text);

/** Text as on the wire, any byte but NUL and LF. */
export const lineText: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((list) => decodeText(list.map((byte) => (byte === 0 || byte === 0x0a ? 0x61 : byte))));

/** A list without what was already in it. */
export function distinct<Value>(value: fc.Arbitrary<Value>, maxLength: number): fc.Arbitrary<Value[]> {
  return fc.uniqueArray(value, { maxLength });
}

/** Lengths of pieces to cut a stream into. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 });
