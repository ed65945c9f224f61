/**
 * Checks a value of unknown shape against a schema and names every fault.
 *
 * Pure and total: never throws, never coerces, never follows a reference, and looks at
 * own enumerable members only, so `__proto__` and its kin are ordinary unknown members.
 */

import type { JsonSchema, ObjectSchema } from "./json-schema.ts";

/** A member's name, or an item's position. */
export type SchemaKey = string | number;

/** One thing that is wrong, with the path of the member it is wrong in (`scope.mappings[0].source`). */
export interface SchemaFault {
  readonly path: string;
  /** The same path in parts, for whoever has to find the place: a name may hold dots. */
  readonly keys: readonly SchemaKey[];
  readonly message: string;
}

/** How many faults are reported unless asked for more; a request that is wrong everywhere needs no longer list. */
const MAX_FAULTS = 50;

/** Every fault of `value`, in document order, `atMost` so many; an empty list means that it is valid. */
export function validateAgainst(
  schema: JsonSchema,
  value: unknown,
  atMost: number = MAX_FAULTS,
): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  check(schema, value, [], { faults, atMost });
  return faults.slice(0, atMost);
}

/** `scope.mappings[0].source`; empty for the whole value. */
export function printPath(keys: readonly SchemaKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}

/** What was found so far. */
interface Found {
  readonly faults: SchemaFault[];
  readonly atMost: number;
}

function check(schema: JsonSchema, value: unknown, keys: readonly SchemaKey[], found: Found): void {
  if (found.faults.length >= found.atMost) return;
  const fault = (message: string): void => void found.faults.push({ path: printPath(keys), keys, message });
  if ("anyOf" in schema) {
    if (schema.anyOf.some((option) => validateAgainst(option, value).length === 0)) return;
    const meant = meantBy(schema.anyOf, value);
    if (meant !== undefined) return check(meant, value, keys, found);
    const telling = tellingMember(schema.anyOf, value);
    if (telling !== undefined) {
      const at = [...keys, telling.name];
      const message = `${telling.isThere ? "must be" : "is required:"} ${oneOf(telling.words)}`;
      return void found.faults.push({ path: printPath(at), keys: at, message });
    }
    return fault(`must be ${schema.anyOf.map(describe).join(" or ")}`);
  }
  switch (schema.type) {
    case "string":
      if (typeof value !== "string") return fault(`must be ${describe(schema)}`);
      if (schema.enum && !schema.enum.includes(value)) return fault(`must be ${describe(schema)}`);
      if (value.length < (schema.minLength ?? 0)) return fault("must not be empty");
      if (value.length > (schema.maxLength ?? Infinity)) {
        return fault(`must have at most ${schema.maxLength} characters`);
      }
      if (schema.pattern && !new RegExp(schema.pattern, "u").test(value)) {
        return fault(schema.examples ? `must be ${describe(schema)}` : `must match ${schema.pattern}`);
      }
      return;
    case "integer":
    case "number":
      if (typeof value !== "number" || !Number.isFinite(value)) return fault(`must be ${describe(schema)}`);
      if (schema.type === "integer" && !Number.isSafeInteger(value)) return fault("must be a whole number");
      if (value < (schema.minimum ?? -Infinity)) return fault(`must be at least ${schema.minimum}`);
      if (value > (schema.maximum ?? Infinity)) return fault(`must be at most ${schema.maximum}`);
      return;
    case "boolean":
      if (typeof value !== "boolean" || (schema.enum && !schema.enum.includes(value))) {
        return fault(`must be ${describe(schema)}`);
      }
      return;
    case "array":
      if (!Array.isArray(value)) return fault("must be a list");
      if (value.length < (schema.minItems ?? 0)) return fault(`needs at least ${schema.minItems} entries`);
      if (value.length > (schema.maxItems ?? Infinity)) {
        return fault(`may have at most ${schema.maxItems} entries`);
      }
      // Not forEach, which leaves out holes.
      for (const [index, item] of value.entries()) check(schema.items, item, [...keys, index], found);
      return;
    case "null":
      if (value !== null) return fault("must be null");
      return;
    case "object":
      return checkObject(schema, value, keys, found);
  }
}

/**
 * Of several kinds of object the one that the value says it is: by a member that only takes one word, such as
 * `type`. Or the only kind of object there is. Its faults tell more than that none of the kinds fits.
 */
function meantBy(options: readonly JsonSchema[], value: unknown): JsonSchema | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const members = new Map<string, unknown>(Object.entries(value));
  const kinds = options.filter((option): option is ObjectSchema => "properties" in option);
  if (kinds.length === 1) return kinds[0];
  return kinds.find((kind) =>
    Object.entries(kind.properties).some(
      ([name, member]) =>
        "enum" in member && member.enum?.length === 1 && member.enum[0] === members.get(name),
    ),
  );
}

/** The member by which all kinds of object are told apart, and the words it takes, for an object that is of none. */
function tellingMember(
  options: readonly JsonSchema[],
  value: unknown,
): { readonly name: string; readonly words: readonly string[]; readonly isThere: boolean } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const kinds = options.filter((option): option is ObjectSchema => "properties" in option);
  const [first, ...others] = kinds.map(({ properties }) => properties);
  if (first === undefined || kinds.length < options.length) return undefined;
  const name = Object.keys(first).find((key) =>
    [first, ...others].every((members) => wordOf(members, key) !== undefined),
  );
  if (name === undefined) return undefined;
  const words = [first, ...others].map((members) => wordOf(members, name) ?? "");
  return { name, words, isThere: Object.hasOwn(value, name) };
}

/** The only text that a member takes. */
function wordOf(members: ObjectSchema["properties"], name: string): string | undefined {
  const member = Object.hasOwn(members, name) ? members[name] : undefined;
  if (member === undefined || !("enum" in member) || member.enum?.length !== 1) return undefined;
  const [word] = member.enum;
  return typeof word === "string" ? word : undefined;
}

function checkObject(
  schema: Extract<JsonSchema, { readonly type: "object" }>,
  value: unknown,
  keys: readonly SchemaKey[],
  found: Found,
): void {
  const fault = (at: readonly SchemaKey[], message: string): void =>
    void found.faults.push({ path: printPath(at), keys: at, message });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fault(keys, `must be ${describe(schema)}`);
  }
  const members = new Map<string, unknown>(Object.entries(value));
  if (!("properties" in schema)) {
    for (const [name, member] of members) check(schema.additionalProperties, member, [...keys, name], found);
    return;
  }
  const known = new Map(Object.entries(schema.properties));
  for (const name of schema.required ?? []) {
    if (members.get(name) === undefined) fault([...keys, name], "is required");
  }
  for (const [name, member] of members) {
    const property = known.get(name);
    if (property === undefined) {
      fault([...keys, name], `is not known; known here: ${[...known.keys()].join(", ")}`);
    } else if (member !== undefined) {
      check(property, member, [...keys, name], found);
    }
  }
}

function describe(schema: JsonSchema): string {
  if ("anyOf" in schema) return schema.anyOf.map(describe).join(" or ");
  if ("enum" in schema && schema.enum) {
    return oneOf(schema.enum);
  }
  switch (schema.type) {
    case "string":
      return schema.examples ? `text like ${schema.examples.join(", ")}` : "text";
    case "integer":
      return "a whole number";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array":
      return "a list";
    case "object":
      return schema.title === undefined ? "an object" : `an object (${schema.title})`;
  }
}

function oneOf(options: readonly unknown[]): string {
  return `one of ${options.map((option) => JSON.stringify(option)).join(", ")}`;
}
