/** `/hooks`: where forges say that a repository changed. The signature is the authentication. */

import type { Metrics } from "@gitsync/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { BodyBudget } from "../hooks/body-budget.ts";
import {
  DeliveryReceiver,
  type Addressee,
  type DeliveryAnswer,
  type IgnoredReason,
  type ReceiverOptions,
} from "../hooks/receive-delivery.ts";
import { findForge } from "../hooks/forges.ts";
import { problemOf } from "../http/problem-of.ts";
import { Problem, type ProblemCode } from "../http/problem.ts";

/** The largest that a forge sends is GitHub's 25 MB. */
const MAX_BODY_BYTES = 26 * 1024 * 1024;
/** Of all bodies that are on their way at one time. */
const BODIES_BYTES = 6 * MAX_BODY_BYTES;

interface HookParams {
  readonly Params: { readonly provider: string; readonly mirror?: string };
}

export interface HookRoutesOptions extends ReceiverOptions {
  readonly metrics: Metrics;
}

export function addHookRoutes(server: FastifyInstance, options: HookRoutesOptions): void {
  const { metrics } = options;
  const receiver = new DeliveryReceiver(options);
  const budget = new BodyBudget(BODIES_BYTES);
  const types = new WeakMap<FastifyRequest, string | undefined>();
  const config = { role: "hook", spanName: "webhook receive" } as const;
  server.register((hooks, _options, done) => {
    hooks.addHook("onError", (request, _reply, error, told) => {
      count(metrics, request, problemOf(error).code);
      told();
    });
    // Any type, as bytes: what is signed is what was sent.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES },
      (_request, body, parsed) => parsed(null, body),
    );
    for (const path of ["/hooks/:provider", "/hooks/:provider/:mirror"]) {
      hooks.post<HookParams>(
        path,
        {
          config,
          bodyLimit: MAX_BODY_BYTES,
          onRequest: async (request, reply) => {
            receiver.expect(addresseeOf(request.params));
            reply.raw.once("close", reserve(budget, request));
            hideType(request, types);
          },
        },
        async (request, reply) => {
          const answer = await receiver.receive(addresseeOf(request.params), {
            headers: { ...request.headers, "content-type": types.get(request) },
            body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
            receivedAt: Date.now(),
          });
          count(metrics, request, outcomeOf(answer));
          return reply.code(answer.accepted ? 202 : 200).send(answer);
        },
      );
    }
    done();
  });
}

/** Closed lists, so that no sender can make series. */
type DeliveryOutcome = "accepted" | "redelivered" | IgnoredReason | ProblemCode;

function outcomeOf(answer: DeliveryAnswer): DeliveryOutcome {
  if (!answer.accepted) return answer.reason;
  return answer.redelivered ? "redelivered" : "accepted";
}

/** What names no provider is nobody's delivery. */
function count(metrics: Metrics, { params }: FastifyRequest, outcome: DeliveryOutcome): void {
  const [provider] = findForge((params as HookParams["Params"]).provider) ?? [];
  if (provider !== undefined) metrics.add("git_sync_webhooks_total", 1, { provider, outcome });
}

function addresseeOf({ provider, mirror }: HookParams["Params"]): Addressee {
  return { provider, mirror };
}

/** The framework refuses a type that it cannot read. What it is said to be is for the forge to look at. */
function hideType(request: FastifyRequest, types: WeakMap<FastifyRequest, string | undefined>): void {
  types.set(request, request.headers["content-type"]);
  request.raw.headers["content-type"] = "application/octet-stream";
}

/** Room for the body before its first byte is read. */
function reserve(budget: BodyBudget, { headers }: FastifyRequest): () => void {
  const declared = headers["content-length"];
  const length = declared === undefined ? MAX_BODY_BYTES : Number(declared);
  if (length > MAX_BODY_BYTES) throw new Problem("body-too-large", "Send at most 26 MiB");
  const release = budget.reserve(length);
  if (release === undefined) throw new Problem("gateway-busy", "Too much is arriving at once");
  return release;
}
