/**
 * The part of JSON Schema (draft 2020-12) that our contracts use, as types, and the
 * type that follows from a schema.
 *
 * A schema is the one description of a request, a result, a job or a configuration:
 * validation, TypeScript types, command-line flags, OpenAPI and docs are derived from it.
 * Nothing here does I/O or imports anything.
 */

/** Words that every schema may carry; shown in `--help`, in OpenAPI and in the docs. */
interface Annotations {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export interface StringSchema extends Annotations {
  readonly type: "string";
  readonly enum?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

export interface NumberSchema extends Annotations {
  readonly type: "integer" | "number";
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface BooleanSchema extends Annotations {
  readonly type: "boolean";
  readonly enum?: readonly boolean[];
}

/** Nothing, said aloud: `proxy: null`. */
export interface NullSchema extends Annotations {
  readonly type: "null";
}

export interface ArraySchema extends Annotations {
  readonly type: "array";
  readonly items: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** An object with named members; members not named are refused. */
export interface ObjectSchema extends Annotations {
  readonly type: "object";
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
}

/** An object used as a map from any key to values of one schema. */
export interface MapSchema extends Annotations {
  readonly type: "object";
  readonly additionalProperties: JsonSchema;
}

/** One of several; the first that accepts the value wins. */
export interface AnyOfSchema extends Annotations {
  readonly anyOf: readonly JsonSchema[];
}

export type JsonSchema =
  | StringSchema
  | NumberSchema
  | BooleanSchema
  | NullSchema
  | ArraySchema
  | ObjectSchema
  | MapSchema
  | AnyOfSchema;

type RequiredKeys<S> = S extends { readonly required: readonly (infer K)[] } ? K : never;

type ObjectOf<P, Required> = {
  readonly [K in keyof P as K extends Required ? K : never]: FromSchema<P[K]>;
} & {
  readonly [K in keyof P as K extends Required ? never : K]?: FromSchema<P[K]>;
};

type Flat<T> = { [K in keyof T]: T[K] };

/** The TypeScript type of the values that a schema constant accepts. */
export type FromSchema<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly anyOf: readonly (infer A)[] }
    ? FromSchema<A>
    : S extends { readonly type: "string" }
      ? string
      : S extends { readonly type: "integer" | "number" }
        ? number
        : S extends { readonly type: "null" }
          ? null
          : S extends { readonly type: "boolean" }
            ? boolean
            : S extends { readonly type: "array"; readonly items: infer I }
              ? readonly FromSchema<I>[]
              : S extends { readonly type: "object"; readonly properties: infer P }
                ? Flat<ObjectOf<P, RequiredKeys<S>>>
                : S extends { readonly type: "object"; readonly additionalProperties: infer V }
                  ? Readonly<Record<string, FromSchema<V>>>
                  : never;

/** Freeze a schema constant and everything in it, keeping its literal type. */
export function frozen<const T>(schema: T): T {
  if (typeof schema === "object" && schema !== null && !Object.isFrozen(schema)) {
    Object.freeze(schema);
    for (const member of Object.values(schema)) frozen(member);
  }
  return schema;
}
