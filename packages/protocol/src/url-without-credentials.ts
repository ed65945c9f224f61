// What of a repository's address may be shown to others.

/**
 * A URL or `user@host:path` without user and password, as git names the pushee of a certificate: gitprotocol-pack(5),
 * "Push Certificate". Paths, and addresses without either, stay as they are.
 */
export function urlWithoutCredentials(address: string): string {
  const [, scheme = "", rest = address] = /^([A-Za-z0-9+.-]+:\/\/)(.*)$/s.exec(address) ?? [];
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const at = authority.lastIndexOf("@");
  if (at === -1) return address;
  // Without a scheme only `user@host:path` has a user; `a@b/c` is a path.
  if (scheme === "" && !authority.slice(at).includes(":")) return address;
  const shown = rest.slice(at + 1);
  // What stood behind the user may itself read as a URL with a user: `@s://u:p@host`.
  return scheme === "" ? urlWithoutCredentials(shown) : `${scheme}${shown}`;
}
