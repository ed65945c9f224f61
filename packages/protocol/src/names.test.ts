import fc from "fast-check";
import { describe, test } from "vitest";
import { gitStatus, temporaryDirectory } from "../fixtures/git.ts";
import { beginsWith, decodeText, encodeText, isByteText } from "./byte-text.ts";
import {
  hashByteLength,
  isObjectId,
  isZeroObjectId,
  objectIdFromBytes,
  objectIdHexLength,
  objectIdToBytes,
  parseObjectId,
  zeroObjectId,
} from "./object-id.ts";
import {
  compareRefNames,
  decodeRefName,
  encodeRefName,
  isValidRefName,
  parseRefName,
  type RefName,
} from "./ref-name.ts";
import { formatRefName, parseFormattedRefName } from "./ref-name-format.ts";
import { sanitizeText } from "./sanitize-text.ts";
import { objectFormat, objectId, refName } from "./testing/arbitraries.ts";
import { wire } from "./testing/bytes.ts";

describe("byte text", () => {
  test("a range begins with a word only as far as it reaches", ({ expect }) => {
    const text = wire("refs/heads/a");
    expect(beginsWith(text, 5, 12, wire("heads/"))).toBe(true);
    expect(beginsWith(text, 5, 10, wire("heads/"))).toBe(false);
    expect(beginsWith(text, 5, 12, wire("tags/"))).toBe(false);
  });

  test("every byte sequence has exactly one string, and back", ({ expect }) => {
    const nasty = fc.array(
      fc.constantFrom(
        0x00,
        0x41,
        0x7f,
        0x80,
        0xa9,
        0xbf,
        0xc0,
        0xc3,
        0xe2,
        0x82,
        0xac,
        0xed,
        0xa0,
        0xef,
        0xbf,
        0xbd,
        0xf0,
        0x9f,
        0x98,
        0x80,
        0xf5,
        0xff,
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          nasty.map((list) => Uint8Array.from(list)),
          fc.uint8Array(),
        ),
        (bytes) => {
          const text = decodeText(bytes);
          expect(encodeText(text)).toEqual(bytes);
          expect(isByteText(text)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.for([
    ["é", [0xc3, 0xa9]],
    ["\udce9", [0xe9]],
    ["\ufffd", [0xef, 0xbf, 0xbd]],
    ["\ufeffx", [0xef, 0xbb, 0xbf, 0x78]],
    ["\udced\udca0\udc80", [0xed, 0xa0, 0x80]],
    ["\udcc0\udcaf", [0xc0, 0xaf]],
    ["a\udcf0\udc9f\udc98b", [0x61, 0xf0, 0x9f, 0x98, 0x62]],
  ] as const)("%j", ([text, bytes], { expect }) => {
    expect(decodeText(Uint8Array.from(bytes))).toBe(text);
    expect([...encodeText(text)]).toEqual(bytes);
  });

  test("strings that stand for no bytes are told", ({ expect }) => {
    expect(["\ud800", "a\udfffb", "\udcc3\udca9"].map(isByteText)).toEqual([false, false, false]);
    expect(() => encodeText("\ud800")).toThrow(TypeError);
  });
});

describe("ObjectId", () => {
  test("is lower-case hex of one of two lengths", ({ expect }) => {
    fc.assert(
      fc.property(
        objectFormat.chain((format) => fc.tuple(fc.constant(format), objectId(format))),
        ([format, id]) => {
          expect(id.length).toBe(objectIdHexLength(format));
          expect(parseObjectId(id.toUpperCase(), format)).toBe(id);
          expect(objectIdFromBytes(objectIdToBytes(id))).toBe(id);
          expect(objectIdToBytes(id).length).toBe(hashByteLength(format));
          expect([
            isObjectId(id),
            isObjectId(id, format),
            isObjectId(id, format === "sha1" ? "sha256" : "sha1"),
          ]).toEqual([true, true, false]);
        },
      ),
    );
    expect(
      [zeroObjectId("sha1"), zeroObjectId("sha256")].map((id) => [id.length, isZeroObjectId(id)]),
    ).toEqual([
      [40, true],
      [64, true],
    ]);
  });

  test.for(["", "a".repeat(39), "a".repeat(41), "g".repeat(40), ` ${"a".repeat(39)}`, `${"a".repeat(40)}\n`])(
    "refuses %j",
    (text, { expect }) => {
      expect(isObjectId(text)).toBe(false);
      expect(() => parseObjectId(text)).toThrow(expect.objectContaining({ code: "OBJECT_ID_INVALID" }));
    },
  );
});

describe("isValidRefName()", () => {
  const parts = [
    "a",
    "refs",
    "heads",
    ".",
    "..",
    "/",
    "//",
    ".lock",
    "lock",
    "@",
    "{",
    "@{",
    "~",
    "^",
    ":",
    "?",
    "*",
    "[",
    "\\",
    " ",
    "\u007f",
    "\t",
    "é",
    "\udce9",
    "-",
    "'",
    '"',
    "HEAD",
    "}",
    "\u0085",
  ];

  test("agrees with git check-ref-format", ({ expect }) => {
    const names = new Set<string>([
      "",
      "HEAD",
      "@",
      "a/@",
      "@/a",
      "a",
      "a/b",
      "a/b.",
      "a/b.lock",
      "a.lock/b",
      "a/.b",
      "a/-b",
    ]);
    for (const name of fc.sample(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 4 }), {
      numRuns: 600,
      seed: 7,
    })) {
      names.add(`a/${name.join("")}`);
    }
    using directory = temporaryDirectory();
    const ours = [...names].slice(0, 320).filter((name) => name !== "");
    // One shell asks git about all of them. A leading dash would be an option on its command line.
    const verdicts = gitStatus(
      directory.path,
      ours.map((name) => encodeText(name)),
    );
    expect(ours.map((name) => [name, isValidRefName(name)])).toEqual(
      ours.map((name, index) => [name, verdicts[index] === 0]),
    );
    expect(verdicts.filter((status) => status === 0).length).toBeGreaterThan(30);
  });

  test.for(["", "refs/heads/\n", "refs/heads/a\0b", "\ud800/a", "a/\udcc3\udca9"])(
    "refuses %j",
    (name, { expect }) => {
      expect(isValidRefName(name)).toBe(false);
      expect(() => parseRefName(name)).toThrow(expect.objectContaining({ code: "REF_NAME_INVALID" }));
    },
  );

  test("one level is for those who ask, and for HEAD", ({ expect }) => {
    expect([
      isValidRefName("main"),
      isValidRefName("main", { allowOneLevel: true }),
      isValidRefName("HEAD"),
    ]).toEqual([false, true, false]);
    expect(parseRefName("HEAD")).toBe("HEAD");
  });
});

describe("ref name text", () => {
  test("bytes and back", ({ expect }) => {
    fc.assert(
      fc.property(refName, (name) => {
        expect(decodeRefName(encodeRefName(name))).toBe(name);
      }),
    );
  });

  test.for([
    ["refs/heads/main", "refs/heads/main"],
    ["refs/heads/café", "refs/heads/café"],
    ["refs/heads/caf\udce9", '"refs/heads/caf\\351"'],
    ['refs/heads/a"b', 'refs/heads/a"b'],
    ['"/a', '"\\"/a"'],
    ["refs/heads/\u202eb", '"refs/heads/\\342\\200\\256b"'],
    ["refs/heads/\u0085", '"refs/heads/\\302\\205"'],
  ] as const)("formatRefName(%j)", ([name, text], { expect }) => {
    expect(formatRefName(parseRefName(name))).toBe(text);
    expect(parseFormattedRefName(text)).toBe(name);
  });

  test("formats are printable and reversible", ({ expect }) => {
    fc.assert(
      fc.property(refName, (name) => {
        const text = formatRefName(name);
        expect(parseFormattedRefName(text)).toBe(name);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  test.for([
    '"refs/heads/a',
    '"refs/heads/a"b',
    '"refs/heads/\\9"',
    '"refs/heads/\\',
    '"',
    '"refs/heads/\\400"',
  ])("does not unquote %j", (text, { expect }) => {
    expect(() => parseFormattedRefName(text)).toThrow(expect.objectContaining({ code: "REF_NAME_INVALID" }));
  });

  test("order is byte order", ({ expect }) => {
    const beyond = fc
      .constantFrom("refs/\uffee", "refs/\u{1f600}", "refs/\udcff", "refs/z", "refs/\u{1f601}a")
      .map((name) => name as RefName);
    fc.assert(
      fc.property(fc.oneof(refName, beyond), fc.oneof(refName, beyond), (left, right) => {
        expect(Math.sign(compareRefNames(left, right))).toBe(
          Math.sign(Buffer.compare(encodeRefName(left), encodeRefName(right))),
        );
      }),
    );
  });
});

describe("sanitizeText()", () => {
  test.for([
    ["a\tb", "a\tb"],
    ["a\nb", "a\\u{a}b"],
    ["\u001b[31m\u0007", "\\u{1b}[31m\\u{7}"],
    ["\u007f\u0085\u009b", "\\u{7f}\\u{85}\\u{9b}"],
    ["\u202eabc\u2066", "\\u{202e}abc\\u{2066}"],
    ["\u202a\u2067\u2068\u2069", "\\u{202a}\\u{2067}\\u{2068}\\u{2069}"],
    ["\u2028\u2029", "\\u{2028}\\u{2029}"],
    ["\ud800x\udcff", "\\u{d800}x\\u{dcff}"],
    ["\u{1f600} ok", "\u{1f600} ok"],
  ] as const)("%j", ([text, safe], { expect }) => {
    expect(sanitizeText(text, { maxLength: 100 })).toBe(safe);
  });

  test("keeps LF when asked, reads bytes, cuts long text between characters", ({ expect }) => {
    expect(sanitizeText("a\nb\r", { maxLength: 100, keepNewlines: true })).toBe("a\nb\\u{d}");
    expect(sanitizeText(wire("caf\u00e9"), { maxLength: 100 })).toBe("caf\\u{dce9}");
    expect(sanitizeText("\u{1f600}\u{1f600}\u{1f600}", { maxLength: 4 })).toBe("\u{1f600}…");
  });

  test("no result is longer than asked or holds a control character", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, maxLength) => {
        const text = sanitizeText(bytes, { maxLength });
        expect(text.length).toBeLessThanOrEqual(maxLength);
        expect(text).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });
});
