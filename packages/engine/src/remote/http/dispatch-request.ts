/** One request through the HTTP client, to the head of its answer; without a stream around the body. */

import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { ResponseBody } from "./response-body.ts";

export interface Response {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: ResponseBody;
}

/**
 * Resolves with the final answer; informational ones (1xx) are passed over. `signal` ends the request, also while
 * its body is read.
 *
 * @throws what the client or the signal ended it with.
 */
export function dispatchRequest(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let controller: Dispatcher.DispatchController | undefined;
  let body: ResponseBody | undefined;
  const fail = (error: Error): void => {
    signal.removeEventListener("abort", abort);
    // A body that was not begun, or not read to its end, is nobody else's to close.
    if (options.body instanceof Readable) options.body.on("error", () => {}).destroy(error);
    body?.fail(error);
    reject(error);
  };
  const abort = (): void => {
    const error = reasonOf(signal);
    controller?.abort(error);
    fail(error);
  };
  if (signal.aborted) {
    abort();
    return promise;
  }
  signal.addEventListener("abort", abort, { once: true });
  dispatcher.dispatch(options, {
    onRequestStart: (started) => {
      controller = started;
      if (signal.aborted) started.abort(reasonOf(signal));
    },
    onResponseStart: (started, statusCode, headers) => {
      if (statusCode < 200) return;
      body = new ResponseBody(started);
      resolve({ statusCode, headers, body });
    },
    onResponseData: (_controller, chunk) => body?.push(chunk),
    onResponseEnd: () => {
      signal.removeEventListener("abort", abort);
      body?.end();
    },
    onResponseError: (_controller, error) => fail(error),
  });
  return promise;
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error("the request was ended", { cause: reason });
}
