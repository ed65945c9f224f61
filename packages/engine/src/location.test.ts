import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isSyncError } from "./errors.ts";
import { liesIn, parseLocation, printLocation, refuseSameRepository } from "./location.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "location-")));
afterAll(() => rmSync(folder, { recursive: true }));

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
    ["https:\\\\example.com/a", "TRANSPORT_UNSUPPORTED"],
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
    ["ssh://git@example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["ssh://-oProxyCommand=id/x", "TRANSPORT_UNSUPPORTED"],
    ["git@example.com:a/b.git", "TRANSPORT_UNSUPPORTED"],
    ["example.com:a", "TRANSPORT_UNSUPPORTED"],
    ["-oProxyCommand=id:x", "TRANSPORT_UNSUPPORTED"],
    ["git://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["ftp://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["gopher://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["javascript://example.com/a", "TRANSPORT_UNSUPPORTED"],
    ["ext::sh -c id", "TRANSPORT_UNSUPPORTED"],
    ["EXT::sh -c id", "TRANSPORT_UNSUPPORTED"],
    ["fd::7", "TRANSPORT_UNSUPPORTED"],
    ["https::https://example.com/a", "TRANSPORT_UNSUPPORTED"],
  ] as const)("refuses %j with %s", ([text, code]) => {
    expect(codeOf(text)).toBe(code);
  });

  test("never repeats a password", () => {
    for (const text of [
      "https://user:canary@example.com/a",
      "file://user:canary@/a",
      "https://canary@[::1/a",
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
    fc.assert(
      fc.property(odd, fc.constantFrom("https://", "http://", "https://a.example/"), (rest, start) => {
        let location;
        try {
          location = parseLocation(`${start}${rest}`, "source");
        } catch (error) {
          expect(isSyncError(error)).toBe(true);
          return;
        }
        expect(parseLocation(printLocation(location), "source")).toEqual(location);
        if (location.kind === "http") expect(location.hostname).toMatch(/^[a-z0-9._-]+$|^\[[0-9a-f:.]+\]$/u);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("refuseSameRepository()", () => {
  const bare = join(folder, "bare.git");
  mkdirSync(bare);
  writeFileSync(join(bare, "HEAD"), "ref: refs/heads/main\n");
  const work = join(folder, "work");
  mkdirSync(join(work, ".git"), { recursive: true });
  writeFileSync(join(work, ".git", "HEAD"), "ref: refs/heads/main\n");
  symlinkSync(bare, join(folder, "link"));

  const isSame = (a: string, b: string): boolean => {
    try {
      refuseSameRepository(parseLocation(a, "source"), parseLocation(b, "target"));
      return false;
    } catch (error) {
      expect(error).toMatchObject({ code: "SAME_REPOSITORY" });
      return true;
    }
  };

  test.for([
    ["https://example.com/a", "https://EXAMPLE.com:443/a/"],
    ["https://example.com/a", "https://example.com/a.git"],
    ["https://example.com/a", "http://example.com/a"],
    ["https://example.com/a/b", "https://example.com/a//b"],
    ["https://example.com/a", "https://example.com/%61"],
    [bare, join(folder, "bare")],
    [bare, `file://${bare}/`],
    [bare, join(folder, "link")],
    [work, join(work, ".git")],
    [join(folder, "none"), join(folder, "x", "..", "none")],
    [join(folder, "link", "new.git"), join(bare, "new.git")],
  ] as const)("sees that %s is %s", ([a, b]) => {
    expect(isSame(a, b)).toBe(true);
  });

  test.for([
    ["https://example.com/a", "https://example.com/b"],
    ["https://example.com/a", "https://example.com/A"],
    ["https://example.com/a", "https://example.com:8443/a"],
    ["https://example.com/a", "https://example.org/a"],
    [bare, work],
    [bare, `https://example.com${bare}`],
  ] as const)("takes %s and %s for two", ([a, b]) => {
    expect(isSame(a, b)).toBe(false);
  });
});

describe("liesIn()", () => {
  test("follows links on both sides and is not misled by a common beginning", () => {
    mkdirSync(join(folder, "allowed"));
    mkdirSync(join(folder, "allowed-not"));
    symlinkSync(join(folder, "allowed-not"), join(folder, "allowed", "out"));
    symlinkSync(join(folder, "allowed"), join(folder, "in"));
    const allowed = join(folder, "allowed");
    expect(liesIn(join(allowed, "new.git"), allowed)).toBe(true);
    expect(liesIn(allowed, allowed)).toBe(true);
    expect(liesIn(join(folder, "in", "new.git"), allowed)).toBe(true);
    expect(liesIn(join(allowed, "out", "new.git"), allowed)).toBe(false);
    expect(liesIn(join(allowed, "..", "allowed-not"), allowed)).toBe(false);
    expect(liesIn(join(folder, "allowed-not"), allowed)).toBe(false);
  });
});
