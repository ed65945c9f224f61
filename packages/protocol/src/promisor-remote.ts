// Remotes that a server advises for missing objects. Only read: nothing here accepts one or connects to it.

/** One advised remote: gitprotocol-v2(5), "promisor-remote=<pr-info>". */
export interface PromisorRemote {
  readonly name: string;
  /** The server's word: connect to nothing unasked. */
  readonly url: string;
  /** Other fields, decoded; unknown ones included. It may hold a token: do not log it. */
  readonly fields: ReadonlyMap<string, string>;
}

/** The remotes in the value of the capability. Entries without name and URL, or with a field twice, are left out. */
export function parsePromisorRemotes(value: string): PromisorRemote[] {
  return value.split(";").flatMap((entry) => {
    const fields = new Map<string, string>();
    for (const field of entry.split(",")) {
      const split = field.indexOf("=");
      const text = urlDecode(field.slice(split + 1));
      if (split < 1 || text === undefined || fields.has(field.slice(0, split))) return [];
      fields.set(field.slice(0, split), text);
    }
    const name = fields.get("name");
    const url = fields.get("url");
    if (name === undefined || url === undefined) return [];
    fields.delete("name");
    fields.delete("url");
    return [{ name, url, fields }];
  });
}

function urlDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
