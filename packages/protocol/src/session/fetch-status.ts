// Where a fetch session stands. Types only.

import type { Advertisement } from "../advertisement.ts";
import type { BundleListEntry } from "../bundle-uri.ts";
import type { LsRefsResult } from "../ls-refs.ts";
import type { ObjectInfo } from "../object-info.ts";
import type { FetchResult } from "./fetch-plan.ts";

/** What the last command was answered, in state `request`: at most one of these. */
export interface CommandAnswers {
  /** Of `listRefs`. */
  readonly listing?: LsRefsResult;
  /** Of `askObjectInfo`. */
  readonly objectInfo?: ObjectInfo;
  /** Of `askBundleUri`. */
  readonly bundles?: readonly BundleListEntry[];
}

/** Where a `FetchSession` stands, and what is known there. Tell them apart by `state`. */
export type FetchStatus =
  /** The server is to speak. */
  | { readonly state: "advertisement" }
  /** The caller is to speak: `listRefs`, `askObjectInfo`, `askBundleUri`, `fetch`, `negotiate` or `close`. */
  | ({ readonly state: "request"; readonly advertisement: Advertisement } & CommandAnswers)
  /** v2: the answer to one of these commands is due. */
  | { readonly state: "ls-refs" | "object-info" | "bundle-uri"; readonly advertisement: Advertisement }
  /** v0 and v1: the server is to say where history is cut, before it is told what we have. */
  | { readonly state: "shallow-info"; readonly advertisement: Advertisement }
  | { readonly state: "negotiating"; readonly advertisement: Advertisement }
  | { readonly state: "packfile"; readonly advertisement: Advertisement; readonly result: FetchResult }
  /** Without a result when the session was closed before it fetched. */
  | { readonly state: "done"; readonly advertisement: Advertisement; readonly result?: FetchResult }
  /** What was thrown. The conversation is lost, and its connection with it. */
  | { readonly state: "failed"; readonly error: unknown };

/** The names of the states. */
export type FetchState = FetchStatus["state"];
