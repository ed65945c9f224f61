/** `@gitsync/engine/unstable`: what a command line needs and a library user should not build on yet. */

export type { DivisionStrategy as BootstrapStrategy } from "./batch/division.ts";
export { startMeasurement, type MeasurementInProgress } from "./measure.ts";
export { REFUSALS, refusalOf, refusalWithCode, type Refusal } from "./transfer/refusal.ts";
export type { BootstrapRequest, FetchRequest, FetchResult } from "./schema/index.ts";
export { createUnstableClient, type UnstableClient } from "./unstable-client.ts";
