/** `@gitsync/worker`: take sync jobs off the queue and run them. */

export { createWorker } from "./create-worker.ts";
export type { CloseReason, Worker, WorkerOptions } from "./worker.ts";
