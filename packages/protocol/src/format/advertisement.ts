// What servers say first, and listings, as text for traces and test names. Lines, no final LF; nothing is parsed back.

import type { Advertisement, AdvertisedRef } from "../advertisement.ts";
import type { Capability, CapabilityList } from "../capabilities.ts";
import type { LsRefsResult } from "../ls-refs.ts";
import type { LsRefsRequest } from "../ls-refs-request.ts";
import { formatRefName } from "../ref-name-format.ts";
import { sanitizeText } from "../sanitize-text.ts";
import type { V2Command } from "../v2-command.ts";
import { lines, shown } from "./line.ts";

/** `name=value` words, sanitised. */
export function formatCapabilities(list: CapabilityList): string {
  const word = ({ name, value }: Capability): string => (value === undefined ? name : `${name}=${value}`);
  return sanitizeText(Array.from(list, word).join(" "), { maxLength: 100_000 });
}

/** `oid name`, then `-> target` and `peels to oid` where known. */
export function formatAdvertisedRef(ref: AdvertisedRef): string {
  const target = ref.symrefTarget === undefined ? "" : ` -> ${formatRefName(ref.symrefTarget)}`;
  return `${ref.oid} ${formatRefName(ref.name)}${target}${ref.peeled === undefined ? "" : ` peels to ${ref.peeled}`}`;
}

/** Version and format, capabilities, refs and the rest, a line each. */
export function formatAdvertisement(advertisement: Advertisement): string {
  const head = [
    `version ${advertisement.version}, ${advertisement.objectFormat}`,
    `capabilities ${formatCapabilities(advertisement.capabilities)}`,
  ];
  if (advertisement.version === 2) return head.join("\n");
  return [
    ...head,
    ...advertisement.refs.map(formatAdvertisedRef),
    ...advertisement.shallow.map((oid) => `shallow ${oid}`),
    ...advertisement.alternateTips.map((oid) => `have ${oid}`),
    ...advertisement.invalidNames.map((name) => `invalid ${formatRefName(name)}`),
  ].join("\n");
}

/** The command with its capabilities, then an argument a line. */
export function formatV2Command(command: V2Command): string {
  return lines(
    `command ${shown(command.command)}`,
    command.capabilities.size === 0 ? undefined : `capabilities ${formatCapabilities(command.capabilities)}`,
    command.args.map(shown),
  );
}

/** `ls-refs` with its flags, then a prefix a line. */
export function formatLsRefsRequest(request: LsRefsRequest): string {
  const flags = (["peel", "symrefs", "unborn"] as const).filter((flag) => request[flag] === true);
  return lines(
    ["ls-refs", ...flags].join(" "),
    request.prefixes.map((prefix) => `ref-prefix ${shown(prefix)}`),
  );
}

/** Refs, then where an unborn HEAD points, then names that were refused. */
export function formatLsRefsResult(result: LsRefsResult): string {
  return lines(
    result.refs.map(formatAdvertisedRef),
    result.unbornHead === undefined ? undefined : `unborn HEAD -> ${formatRefName(result.unbornHead)}`,
    result.invalidNames.map((name) => `invalid ${formatRefName(name)}`),
  );
}
