import fc from "fast-check";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { isSyncError } from "../errors.ts";
import { printLocation } from "./location.ts";
import { parseLocation } from "./parse-location.ts";

function codeOf(text: string): string {
  try {
    return parseLocation(text, "source").kind;
  } catch (error) {
    if (isSyncError(error)) return error.code;
    throw error;
  }
}

describe("parseLocation()", () => {
  test.for([
    ["https://example.com/a.git", "https://example.com/a.git"],
    ["HTTPS://EXAMPLE.com:443/a.git/", "https://example.com/a.git"],
    ["http://example.com:80/a", "http://example.com/a"],
    ["https://example.com:8443/a//", "https://example.com:8443/a"],
    ["https://example.com", "https://example.com"],
    ["https://example.com/a%20b/c.git", "https://example.com/a%20b/c.git"],
    ["https://example.com/x/../a.git", "https://example.com/a.git"],
    ["https://[2001:DB8::1]:8080/a", "https://[2001:db8::1]:8080/a"],
    ["https://127.1/a", "https://127.0.0.1/a"],
    ["https://0x7f.1/a", "https://127.0.0.1/a"],
    ["https://2130706433/a", "https://127.0.0.1/a"],
    ["https://0177.0.0.1/a", "https://127.0.0.1/a"],
    ["https://xn--bcher-kva.example/a", "https://xn--bcher-kva.example/a"],
    ["file:///srv/a.git", "/srv/a.git"],
    ["file://localhost/srv/a.git", "/srv/a.git"],
    ["file:///srv/a%20b.git", "/srv/a b.git"],
    ["file:///srv/c%23.git", "/srv/c#.git"],
    ["/srv/a.git", "/srv/a.git"],
    ["/srv/a:b.git", "/srv/a:b.git"],
    ["./a.git", resolve("a.git")],
    ["a/b:c", resolve("a/b:c")],
    ["-oProxyCommand=id", resolve("-oProxyCommand=id")],
    ["--upload-pack=id", resolve("--upload-pack=id")],
    ["~/a.git", resolve("~/a.git")],
    ["ssh://git@example.com/a.git", "ssh://git@example.com/a.git"],
    ["SSH://Example.com/a.git", "ssh://Example.com/a.git"],
    ["git+ssh://example.com/a.git", "ssh://example.com/a.git"],
    ["ssh+git://example.com:/a.git", "ssh://example.com/a.git"],
    ["ssh://example.com:2222/srv/a%20b.git", "ssh://example.com:2222/srv/a%20b.git"],
    ["ssh://example.com/~ann/a.git", "ssh://example.com/~ann/a.git"],
    ["ssh://me%40example.org@example.com/a", "ssh://me%40example.org@example.com/a"],
    ["ssh://example.com/-a", "ssh://example.com/-a"],
    ["ssh://[2001:DB8::1]:2222/a", "ssh://[2001:DB8::1]:2222/a"],
    ["git@example.com:org/a.git", "git@example.com:org/a.git"],
    ["git@example.com:/srv/a.git", "ssh://git@example.com/srv/a.git"],
    ["git@example.com:~ann/a.git", "ssh://git@example.com/~ann/a.git"],
    ["example.com:it's a.git", "example.com:it's a.git"],
    ["[example.com:2222]:a.git", "[example.com:2222]:a.git"],
    ["[git@example.com:2222]:a.git", "[git@example.com:2222]:a.git"],
    ["[::1]:a.git", "[::1]:a.git"],
    ["git@[::1]:/a.git", "ssh://git@[::1]/a.git"],
    ["my_host:a.git", "my_host:a.git"],
    ["git://Example.com/a.git", "git://example.com/a.git"],
    ["git://example.com:9418/a.git", "git://example.com/a.git"],
    ["git://example.com:1234/a%20b.git", "git://example.com:1234/a%20b.git"],
    ["git://example.com/~ann/a.git", "git://example.com/~ann/a.git"],
    ["git://[::1]/a%23b", "git://[::1]/a%23b"],
    ["codecommit://profile@repo", "codecommit://profile@repo"],
    ["Demo::/srv/a.git", "demo::/srv/a.git"],
    ["gopher://example.com/a", "gopher://example.com/a"],
  ] as const)("takes %s as %s", ([text, printed]) => {
    expect(printLocation(parseLocation(text, "source"))).toBe(printed);
  });

  test.for([
    ["", "URL_INVALID"],
    ["https://", "URL_INVALID"],
    ["https:///a", "URL_INVALID"],
    ["https:///user:secret@example.com/a", "URL_INVALID"],
    ["https://user@example.com/a", "URL_INVALID"],
    ["https://user:secret@example.com/a", "URL_INVALID"],
    ["https://@example.com/a", "URL_INVALID"],
    ["https://example.com\\@evil.example/a", "URL_INVALID"],
    ["https://example.com\\a", "URL_INVALID"],
    ["https:\\\\example.com/a", "URL_INVALID"],
    ["https://exam ple.com/a", "URL_INVALID"],
    ["https://exam\nple.com/a", "URL_INVALID"],
    ["https://exam\tple.com/a", "URL_INVALID"],
    ["https://example.com/a\r\nHost: x", "URL_INVALID"],
    ["https://example.com/a\u007f", "URL_INVALID"],
    ["https://example.com/a\u0000b", "URL_INVALID"],
    ["https://example.com/%00", "URL_INVALID"],
    ["https://example.com/a%0d%0aX", "URL_INVALID"],
    ["https://example.com/a%0Ab", "URL_INVALID"],
    ["https://example.com/a%7fb", "URL_INVALID"],
    ["https://example.com/a%5Cb", "URL_INVALID"],
    ["https://example.com?x", "URL_INVALID"],
    ["https://example.com#@evil.example/a", "URL_INVALID"],
    ["https://example.com/a?b", "URL_INVALID"],
    ["https://example.com/a#b", "URL_INVALID"],
    ["https://exa%6dple.com/a", "URL_INVALID"],
    ["https://example%2ecom/a", "URL_INVALID"],
    ["https://example\uff0ecom/a", "URL_INVALID"],
    ["https://\uff45xample.com/a", "URL_INVALID"],
    ["https://b\u00fccher.example/a", "URL_INVALID"],
    ["https://-oProxyCommand=id/a", "URL_INVALID"],
    ["https://-example.com/a", "URL_INVALID"],
    ["https://example.com./a", "URL_INVALID"],
    ["https://exa$mple.com/a", "URL_INVALID"],
    ["https://example.com:99999/a", "URL_INVALID"],
    ["https://[::1/a", "URL_INVALID"],
    ["https://[fe80::1%25eth0]/a", "URL_INVALID"],
    ["https://1.2.3.4.5/a", "URL_INVALID"],
    ["file://host/srv/a", "URL_INVALID"],
    ["file:///srv/a%2Fb", "URL_INVALID"],
    ["file:///srv/a%00b", "URL_INVALID"],
    ["file:///srv/a?x", "URL_INVALID"],
    ["file:///srv/a#2", "URL_INVALID"],
    ["file://user@/srv/a", "URL_INVALID"],
    ["/srv/a\u0000b", "URL_INVALID"],
    ["ssh://-oProxyCommand=id/x", "URL_INVALID"],
    ["ssh://git@-oProxyCommand=id/x", "URL_INVALID"],
    ["ssh://-oProxyCommand=id@example.com/x", "URL_INVALID"],
    ["ssh://%2doProxyCommand=id@example.com/x", "URL_INVALID"],
    ["ssh://git:secret@example.com/a", "URL_INVALID"],
    ["ssh://git%3asecret@example.com/a", "URL_INVALID"],
    ["ssh://@example.com/a", "URL_INVALID"],
    ["ssh://a b@example.com/a", "URL_INVALID"],
    ["ssh://a;id@example.com/a", "URL_INVALID"],
    ["ssh://example.com", "URL_INVALID"],
    ["ssh:///a", "URL_INVALID"],
    ["ssh://example.com:0/a", "URL_INVALID"],
    ["ssh://example.com:65536/a", "URL_INVALID"],
    ["ssh://example.com:22x/a", "URL_INVALID"],
    ["ssh://exa%6dple.com/a", "URL_INVALID"],
    ["ssh://ex\u00e4mple.com/a", "URL_INVALID"],
    ["ssh://example.com$(id)/a", "URL_INVALID"],
    ["ssh://[::1/a", "URL_INVALID"],
    ["ssh://[fe80::1%25eth0]/a", "URL_INVALID"],
    ["ssh://example.com/a%0ab", "URL_INVALID"],
    ["ssh://example.com/a%00b", "URL_INVALID"],
    ["ssh://example.com/%ff", "URL_INVALID"],
    ["ssh://example.com/a?b", "URL_INVALID"],
    ["ssh://example.com\\@evil.example/a", "URL_INVALID"],
    ["-oProxyCommand=id:x", "URL_INVALID"],
    ["-oProxyCommand=id@example.com:x", "URL_INVALID"],
    ["git@-oProxyCommand=id:x", "URL_INVALID"],
    ["git@example.com:-oProxyCommand=id", "URL_INVALID"],
    ["git@example.com:--upload-pack=id", "URL_INVALID"],
    ["git@example.com:", "URL_INVALID"],
    ["git:secret@example.com:a", "URL_INVALID"],
    ["git@example.com::a", "URL_INVALID"],
    ["git@example.com:a\nb", "URL_INVALID"],
    ["git@exam\nple.com:a", "URL_INVALID"],
    ["git@$(id):a", "URL_INVALID"],
    ["git@[::1:a", "URL_INVALID"],
    ["[git@host:99999]:a", "URL_INVALID"],
    ["git://user@example.com/a", "URL_INVALID"],
    ["git://example.com", "URL_INVALID"],
    ["git://-x/a", "URL_INVALID"],
    ["git://127.0.0.1:6379/%0d%0aFLUSHALL%0d%0a", "URL_INVALID"],
    ["git://localhost:1234/x@good/%00", "URL_INVALID"],
    ["codecommit://user:secret@repo", "URL_INVALID"],
    ["demo::", "URL_INVALID"],
    ["demo::-oProxyCommand=id", "URL_INVALID"],
    ["demo::a\nb", "URL_INVALID"],
    ["demo:://user:secret@host/a", "URL_INVALID"],
    ["ext::sh -c id", "TRANSPORT_UNSUPPORTED"],
    ["EXT::sh -c id", "TRANSPORT_UNSUPPORTED"],
    ["fd::7", "TRANSPORT_UNSUPPORTED"],
    ["https::https://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["ssh::ssh://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["ext://x", "TRANSPORT_UNSUPPORTED"],
    ["FD://7", "TRANSPORT_UNSUPPORTED"],
  ] as const)("refuses %j with %s", ([text, code]) => {
    expect(codeOf(text)).toBe(code);
  });

  test("never repeats a password", () => {
    for (const text of [
      "https://user:canary@example.com/a",
      "file://user:canary@/a",
      "https://canary@[::1/a",
      "ssh://user:canary@example.com/a",
      "user:canary@example.com:a",
      "git://user:canary@example.com/a",
      "demo://user:canary@example.com/a",
      "demo:://user:canary@example.com/a",
    ]) {
      const failure: unknown = ((): unknown => {
        try {
          return parseLocation(text, "source");
        } catch (error) {
          return error;
        }
      })();
      expect(failure).toBeInstanceOf(Error);
      expect(`${String(failure)} ${JSON.stringify(failure)}`).not.toContain("canary");
    }
  });

  test("gives a host that is one, and prints what it reads again as the same", () => {
    const odd = fc.string({
      unit: fc.constantFrom(...Array.from("ab1.-_:/@%\\?#[]\u00e9\n 0x")),
      maxLength: 30,
    });
    const starts = [
      "https://",
      "http://",
      "https://a.example/",
      "ssh://",
      "ssh://git@a.example/",
      "git://",
      "a:",
      "[a]:",
      "git@a:",
      "demo://",
      "demo::",
    ];
    fc.assert(
      fc.property(odd, fc.constantFrom(...starts), (rest, start) => {
        let location;
        try {
          location = parseLocation(`${start}${rest}`, "source");
        } catch (error) {
          expect(isSyncError(error)).toBe(true);
          return;
        }
        expect(parseLocation(printLocation(location), "source")).toEqual(location);
        if (location.kind === "http") expect(location.hostname).toMatch(/^[a-z0-9._-]+$|^\[[0-9a-f:.]+\]$/u);
        if (location.kind === "ssh" || location.kind === "daemon") {
          expect(location.hostname).toMatch(/^[a-z0-9][a-z0-9._-]*$|^[0-9a-f:.]+$/iu);
          expect(location.path).not.toMatch(/^-|[\u0000-\u001f\u007f]/u);
        }
        if (location.kind === "ssh") expect(location.user ?? "git").toMatch(/^[^-][^\s:]*$/u);
        if (location.kind === "helper") expect(location.address).not.toMatch(/^-|[\u0000-\u001f]/u);
      }),
      { numRuns: 2_000 },
    );
  });
});
