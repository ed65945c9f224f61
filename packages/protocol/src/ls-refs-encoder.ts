// Writes answers to ls-refs. Server side.

import type { LsRefsResult } from "./ls-refs.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";

/** An answer to ls-refs: gitprotocol-v2(5), "ls-refs". All that is given is written; a new array. */
export function encodeLsRefsResponse(result: Omit<LsRefsResult, "invalidNames">): Uint8Array {
  const writer = new PktLineWriter();
  if (result.unbornHead !== undefined) writer.line(`unborn HEAD symref-target:${result.unbornHead}\n`);
  for (const ref of result.refs) {
    const target = ref.symrefTarget === undefined ? "" : ` symref-target:${ref.symrefTarget}`;
    const peeled = ref.peeled === undefined ? "" : ` peeled:${ref.peeled}`;
    writer.line(`${ref.oid} ${ref.name}${target}${peeled}\n`);
  }
  return writer.flush().take();
}
