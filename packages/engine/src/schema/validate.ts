/**
 * Checks a value of unknown shape against a schema and names every fault.
 *
 * Pure and total: never throws, never coerces, never follows a reference, and looks at
 * own enumerable members only, so `__proto__` and its kin are ordinary unknown members.
 */

import type { JsonSchema } from "./json-schema.ts";

/** One thing that is wrong, with the path of the member it is wrong in (`scope.mappings[0].source`). */
export interface SchemaFault {
  readonly path: string;
  readonly message: string;
}

/** How many faults are reported at most; a value that is wrong everywhere needs no longer list. */
const MAX_FAULTS = 50;

/** Every fault of `value`, in document order; an empty list means that it is valid. */
export function validateAgainst(schema: JsonSchema, value: unknown): readonly SchemaFault[] {
  const faults: SchemaFault[] = [];
  check(schema, value, "", faults);
  return faults.slice(0, MAX_FAULTS);
}

function check(schema: JsonSchema, value: unknown, path: string, faults: SchemaFault[]): void {
  if (faults.length >= MAX_FAULTS) return;
  const fault = (message: string): void => void faults.push({ path, message });
  if ("anyOf" in schema) {
    const attempts = schema.anyOf.map((option) => validateAgainst(option, value));
    if (attempts.some((found) => found.length === 0)) return;
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
        return fault(`must match ${schema.pattern}`);
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
      for (const [index, item] of value.entries()) check(schema.items, item, `${path}[${index}]`, faults);
      return;
    case "object":
      return checkObject(schema, value, path, faults);
  }
}

function checkObject(
  schema: Extract<JsonSchema, { readonly type: "object" }>,
  value: unknown,
  path: string,
  faults: SchemaFault[],
): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return void faults.push({ path, message: "must be an object" });
  }
  const members = new Map<string, unknown>(Object.entries(value));
  const at = (name: string): string => (path === "" ? name : `${path}.${name}`);
  if (!("properties" in schema)) {
    for (const [name, member] of members) check(schema.additionalProperties, member, at(name), faults);
    return;
  }
  const known = new Map(Object.entries(schema.properties));
  for (const name of schema.required ?? []) {
    if (members.get(name) === undefined) faults.push({ path: at(name), message: "is required" });
  }
  for (const [name, member] of members) {
    const property = known.get(name);
    if (property === undefined) {
      faults.push({ path: at(name), message: `is not known; known here: ${[...known.keys()].join(", ")}` });
    } else if (member !== undefined) {
      check(property, member, at(name), faults);
    }
  }
}

function describe(schema: JsonSchema): string {
  if ("anyOf" in schema) return schema.anyOf.map(describe).join(" or ");
  if ("enum" in schema && schema.enum) {
    return `one of ${schema.enum.map((option) => JSON.stringify(option)).join(", ")}`;
  }
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
      return "a whole number";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
      return "an object";
  }
}
