// Recognises what is sent instead of git: web pages, shell banners, packs without framing.

/**
 * What four bytes in the place of a pkt-len look like, or undefined when they look like a bad number.
 * Only the first four bytes decide, so the answer does not depend on how the stream was cut.
 */
export function notGitHint(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 4));
  if (text.startsWith("<")) return "the answer is a web page, so the address or a proxy is not a git server";
  if (text.startsWith("{")) return "the answer is JSON, so the address is not a git server";
  if (text === "PACK") return "a pack came where a pkt-line was due";
  if (/^(fata|erro|remo|ssh:|Perm)/.test(text)) return "the answer is an error message in plain text";
  // Letters that are no hex digits, or empty lines, in printable surroundings: a shell or sshd prints a banner.
  if (/^[\r\n]/.test(text) || (/^[A-Za-z][\t\r\n -~]{3}$/.test(text) && /[G-Zg-z]/.test(text))) {
    return "text came before the protocol; a login shell or proxy may print a banner";
  }
  return undefined;
}
