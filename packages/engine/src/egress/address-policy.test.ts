import { describe, expect, test } from "vitest";
import { addressPolicy } from "./address-policy.ts";

const isPublic = addressPolicy({ addresses: "public" });

describe("addressPolicy() of public addresses", () => {
  test.for([
    "93.184.216.34",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "[2606:4700::1111]",
    "2a00:1450:4001::8a",
    "::ffff:93.184.216.34",
  ])("allows %s", (address) => {
    expect(isPublic(address, 443)).toBe(true);
  });

  test.for([
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::FFFF:A9FE:A9FE",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "0x7f.1",
    "127.1",
    "",
  ])("refuses %s", (address) => {
    expect(isPublic(address, 443)).toBe(false);
  });

  // What WHATWG URL makes of other spellings is a plain literal by the time it gets here.
  test.for(["0x7f.1", "0177.1", "2130706433", "127.1", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]"])(
    "refuses the host of http://%s/",
    (host) => {
      expect(isPublic(new URL(`http://${host}/`).hostname, 80)).toBe(false);
    },
  );
});

describe("addressPolicy() with an allow-list", () => {
  const policy = addressPolicy({
    addresses: "public",
    allow: [{ cidr: "10.1.0.0/16", ports: [443, 8443] }, { cidr: "fd00:1::/32" }, { cidr: "192.168.7.7" }],
  });
  test.for([
    ["10.1.2.3", 443, true],
    ["::ffff:10.1.2.3", 8443, true],
    ["10.1.2.3", 22, false],
    ["10.2.0.1", 443, false],
    ["fd00:1::5", 9418, true],
    ["fd00:2::5", 443, false],
    ["192.168.7.7", 80, true],
    ["192.168.7.8", 80, false],
    ["127.0.0.1", 443, false],
    ["93.184.216.34", 22, true],
  ] as const)("%s port %i: %s", ([address, port, allowed]) => {
    expect(policy(address, port)).toBe(allowed);
  });

  test.for([
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/9",
    "10.0.0.0/ 8",
    "10.0.0.0/8.0",
    "10.0.0/8",
    "example.com",
    "",
    "/8",
    "::/129",
    "fd00::/",
  ])("refuses the network %j instead of allowing everything", (cidr) => {
    expect(() => addressPolicy({ addresses: "public", allow: [{ cidr }] })).toThrow(TypeError);
  });
});

test("addressPolicy() of any address allows whatever a name leads to", () => {
  const policy = addressPolicy({ addresses: "any" });
  expect(["127.0.0.1", "::1", "169.254.169.254"].every((address) => policy(address, 80))).toBe(true);
});
