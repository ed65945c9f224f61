/** `@gitsync/engine/unstable`: what a command line needs and a library user should not build on yet. */

export { startMeasurement, type MeasurementInProgress } from "./measure.ts";
export { REFUSALS, refusalOf, type Refusal } from "./transfer/refusal.ts";
