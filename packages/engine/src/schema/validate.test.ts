import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { frozen, syncRequestSchema, syncResultSchema, validateAgainst, type JsonSchema } from "./index.ts";

const faultsOf = (schema: JsonSchema, value: unknown): readonly string[] =>
  validateAgainst(schema, value).map((fault) => `${fault.path}: ${fault.message}`);

const sides = { source: { url: "a" }, target: { url: "b" } };

describe("validateAgainst()", () => {
  test.for([
    [{ type: "string" }, "a", true],
    [{ type: "string" }, 1, false],
    [{ type: "string", minLength: 1 }, "", false],
    [{ type: "string", maxLength: 2 }, "abc", false],
    [{ type: "string", enum: ["a"] }, "b", false],
    [{ type: "string", pattern: "^a$" }, "ab", false],
    [{ type: "integer" }, 1.5, false],
    [{ type: "integer" }, 2 ** 53, false],
    [{ type: "integer", minimum: 1 }, 0, false],
    [{ type: "number", maximum: 100 }, 100.5, false],
    [{ type: "number" }, Number.NaN, false],
    [{ type: "number" }, Infinity, false],
    [{ type: "number" }, "1", false],
    [{ type: "boolean" }, false, true],
    [{ type: "boolean" }, "false", false],
    [{ type: "boolean", enum: [true] }, false, false],
    [{ type: "array", items: { type: "string" }, minItems: 1 }, [], false],
    [{ type: "array", items: { type: "string" }, maxItems: 1 }, ["a", "b"], false],
    [{ type: "array", items: { type: "string" } }, { length: 0 }, false],
    [{ type: "array", items: { type: "string" } }, Object.assign([], { length: 1 }), false],
    [{ type: "object", additionalProperties: { type: "string" } }, { a: "b" }, true],
    [{ type: "object", additionalProperties: { type: "string" } }, { a: 1 }, false],
    [{ type: "object", properties: {}, additionalProperties: false }, null, false],
    [{ type: "object", properties: {}, additionalProperties: false }, [], false],
    [{ anyOf: [{ type: "string" }, { type: "boolean" }] }, true, true],
    [{ anyOf: [{ type: "string" }, { type: "boolean" }] }, 1, false],
  ] as const satisfies readonly (readonly [JsonSchema, unknown, boolean])[])(
    "%j with %j: %s",
    ([schema, value, isValid]) => {
      expect(validateAgainst(schema, value).length === 0).toBe(isValid);
    },
  );

  test.for([
    [{ ...sides, scope: { mappings: [{ source: "a" }] } }, "scope.mappings[0].target: is required"],
    [
      { ...sides, policy: { force: "yes" } },
      'policy.force: must be one of "never", "with-lease" or one of true',
    ],
    [
      { ...sides, polices: {} },
      "polices: is not known; known here: source, target, scope, policy, collectStats, includeUnchanged",
    ],
    [{ ...sides, target: undefined }, "target: is required"],
    [{ ...sides, scope: { branches: ["a", ""] } }, "scope.branches[1]: must not be empty"],
  ] as const)("names what is wrong in %j", ([request, fault]) => {
    expect(faultsOf(syncRequestSchema, request)).toEqual([fault]);
  });

  test.for([
    [{ type: "oauth", a: 1 }, 'type: must be one of "basic", "ssh"'],
    [{ a: 1 }, 'type: is required: one of "basic", "ssh"'],
    [{ type: "ssh", a: 1 }, "a: is not known; known here: type"],
    ["basic", "must be an object or an object"],
  ] as const)("asks of %j which of several kinds it is", ([value, fault]) => {
    const kind = (word: string): JsonSchema => ({
      type: "object",
      properties: { type: { type: "string", enum: [word] } },
      additionalProperties: false,
    });
    const faults = validateAgainst({ anyOf: [kind("basic"), kind("ssh")] }, value);
    expect(faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))).toEqual([
      fault,
    ]);
  });

  test("takes a member that is undefined for one that is missing", () => {
    expect(faultsOf(syncRequestSchema, { ...sides, scope: undefined })).toEqual([]);
  });

  test.for(["__proto__", "constructor", "toString", "hasOwnProperty"])("knows no member %s", (name) => {
    const value: unknown = JSON.parse(
      `{"source":{"url":"a"},"target":{"url":"b"},${JSON.stringify(name)}:{"url":"x"}}`,
    );
    expect(faultsOf(syncRequestSchema, value)[0]).toMatch(new RegExp(`^${name}: is not known`, "u"));
    expect(
      faultsOf({ type: "object", properties: {}, required: [name], additionalProperties: false }, {}),
    ).toEqual([`${name}: is required`]);
  });

  test("sees no inherited member", () => {
    const inherited: unknown = Object.create({ source: { url: "a" }, target: { url: "b" } });
    expect(faultsOf(syncRequestSchema, inherited)).toEqual(["source: is required", "target: is required"]);
  });

  test("reports fifty faults at most", () => {
    const request = { ...sides, scope: { branches: Array.from({ length: 1_000 }, () => 1) } };
    expect(faultsOf(syncRequestSchema, request)).toHaveLength(50);
  });

  test("never throws and never changes what it looks at", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const before = fc.stringify(value);
        validateAgainst(syncRequestSchema, value);
        validateAgainst(syncResultSchema, value);
        expect(fc.stringify(value)).toBe(before);
      }),
    );
  });
});

describe("frozen()", () => {
  test("reaches everything", () => {
    const schema = frozen({ a: { b: [{ c: 1 }] } });
    expect([schema, schema.a, schema.a.b, schema.a.b[0]].every((each) => Object.isFrozen(each))).toBe(true);
  });
});
