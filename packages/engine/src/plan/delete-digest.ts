/** The name of a set of deletes, so that a person can approve exactly these and no others. */

import { createHash } from "node:crypto";
import { formatRefName, type ObjectId, type RefName } from "@gitsync/protocol";

/** Sixteen hex digits over the names and the values they have now; the order does not count. */
export function deleteDigest(
  refs: readonly { readonly targetRef: RefName; readonly oldId: ObjectId | undefined }[],
): string {
  const lines = refs.map(({ targetRef, oldId }) => `${oldId ?? ""} ${formatRefName(targetRef)}\n`);
  return createHash("sha256").update(lines.toSorted().join("")).digest("hex").slice(0, 16);
}
