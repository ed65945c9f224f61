import { describe, expect, test } from "vitest";
import { isLoopback, parseListenAddress } from "./listen-address.ts";

describe("parseListenAddress()", () => {
  test.for([
    ["127.0.0.1:8080", "127.0.0.1", 8080],
    ["[::1]:0", "::1", 0],
    ["localhost:65535", "localhost", 65_535],
    [":8080", "", 8080],
  ] as const)("reads %s", ([text, host, port]) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  test.for([
    "",
    "8080",
    "127.0.0.1",
    "127.0.0.1:65536",
    "::1:80",
    "[127.0.0.1]:80",
    "a b:1",
    "http://127.0.0.1:1",
  ])("refuses %j", (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: "LISTEN_INVALID" }));
  });

  test("loopback is known by its addresses", () => {
    expect(
      ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"].filter((host) => !isLoopback(host)),
    ).toEqual([]);
    expect(
      ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "", "::ffff:1.2.3.4"].filter(isLoopback),
    ).toEqual([]);
  });
});
