// Writes advertisements. Server side.

import type { AdvertisedRef, GitService } from "./advertisement.ts";
import { type Capability, encodeCapabilities, encodeCapability } from "./capabilities.ts";
import { type ObjectFormat, type ObjectId, zeroObjectId } from "./object-id.ts";
import { PktLineWriter } from "./pkt-line/pkt-line-encoder.ts";

/**
 * What {@link encodeRefAdvertisement} writes: the parts of a `RefAdvertisement` that are on the wire.
 * gitprotocol-pack(5), "Reference Discovery".
 */
export interface RefAdvertisementContent {
  readonly version: 0 | 1;
  readonly objectFormat: ObjectFormat;
  readonly capabilities: Iterable<Capability>;
  readonly refs: readonly AdvertisedRef[];
  readonly shallow?: readonly ObjectId[];
  readonly alternateTips?: readonly ObjectId[];
}

/** The `# service=` line and flush-pkt in front of an advertisement over HTTP: gitprotocol-http(5). A new array. */
export function encodeServiceHeader(service: GitService): Uint8Array {
  return new PktLineWriter().line(`# service=${service}\n`).flush().take();
}

/**
 * A v0 or v1 advertisement without service header: gitprotocol-pack(5), "Reference Discovery". A new array.
 *
 * Capabilities are written as given; `symrefTarget` is not turned into a `symref` capability. Without refs and
 * alternates the line `capabilities^{}` carries them; without capabilities as well, only the flush-pkt is written, as
 * git's upload-pack did before 2.41.
 */
export function encodeRefAdvertisement(content: RefAdvertisementContent): Uint8Array {
  const writer = new PktLineWriter();
  if (content.version === 1) writer.line("version 1\n");
  const words = encodeCapabilities(content.capabilities);
  let capabilities = `\0${words}`;
  const line = (oid: ObjectId, name: string): void => {
    writer.line(`${oid} ${name}${capabilities}\n`);
    capabilities = "";
  };
  for (const ref of content.refs) {
    line(ref.oid, ref.name);
    if (ref.peeled !== undefined) line(ref.peeled, `${ref.name}^{}`);
  }
  for (const oid of content.alternateTips ?? []) line(oid, ".have");
  if (capabilities !== "" && words !== "") line(zeroObjectId(content.objectFormat), "capabilities^{}");
  for (const oid of content.shallow ?? []) writer.line(`shallow ${oid}\n`);
  return writer.flush().take();
}

/** A v2 advertisement without service header: gitprotocol-v2(5), "Capability Advertisement". A new array. */
export function encodeCapabilityAdvertisement(content: {
  readonly capabilities: Iterable<Capability>;
}): Uint8Array {
  const writer = new PktLineWriter().line("version 2\n");
  for (const capability of content.capabilities) writer.line(`${encodeCapability(capability)}\n`);
  return writer.flush().take();
}
