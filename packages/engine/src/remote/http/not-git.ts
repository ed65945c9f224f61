/** What an answer is that is not git's: a page, the dumb protocol, or something else. Pure; for error messages only. */

import { sanitizeText } from "@gitsync/protocol";

const MAX_SHOWN = 200;

/** What may be shown of a body: text as it is, of a page only its title, of anything else nothing. */
export function excerptOf(mediaType: string, text: string): string {
  if (isPage(mediaType, text)) return titleOf(text);
  return mediaType === "text/plain" ? shown(text) : "";
}

/** Why an answer of status 200 to a request for a listing is none. */
export function notAListing(mediaType: string, text: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})\t/u.test(text)) {
    return "speaks the dumb HTTP protocol only, which has no packs to relay";
  }
  if (/^[0-9a-f]{4}(?:# service=|version )/iu.test(text)) {
    return `lists refs under the wrong content type, ${typeName(mediaType)}; a proxy may have changed it`;
  }
  if (isPage(mediaType, text)) {
    const title = titleOf(text);
    return `answers with a web page${title === "" ? "" : ` (${title})`}`;
  }
  const excerpt = excerptOf(mediaType, text);
  return `answers with ${typeName(mediaType)}${excerpt === "" ? "" : ` (${excerpt})`}`;
}

function typeName(mediaType: string): string {
  return mediaType === "" ? "no content type" : sanitizeText(mediaType, { maxLength: 80 });
}

function isPage(mediaType: string, text: string): boolean {
  return (
    mediaType === "text/html" ||
    mediaType === "application/xhtml+xml" ||
    /^\s*<(?:!doctype|html)/iu.test(text)
  );
}

function titleOf(page: string): string {
  const start = page.search(/<title[^>]{0,200}>/iu);
  if (start === -1) return "";
  const from = page.indexOf(">", start) + 1;
  const end = page.indexOf("<", from);
  return shown(page.slice(from, end === -1 ? from + MAX_SHOWN : end));
}

function shown(text: string): string {
  return sanitizeText(text.trim().replaceAll(/\s+/gu, " "), { maxLength: MAX_SHOWN });
}
