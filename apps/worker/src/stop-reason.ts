/** Why a run was stopped from outside. Travels as the reason of abort signals. */

/**
 * `shutdown`: this process ends, another one goes on. `lock-lost`: the queue may have given the job to somebody
 * else. `cancelled`: a person does not want it.
 */
export type StopReason = "shutdown" | "lock-lost" | "cancelled";

/** The reason of an aborted signal; anything unexpected counts as a shutdown, which loses nothing. */
export function stopReason(signal: AbortSignal): StopReason | undefined {
  if (!signal.aborted) return undefined;
  return signal.reason === "lock-lost" || signal.reason === "cancelled" ? signal.reason : "shutdown";
}
