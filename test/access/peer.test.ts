import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TrustedProxies } from "../../src/access/peer.ts";
import { ConfigError, loadConfig } from "../../src/config.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"]);

function address(peer: string, forwarded?: string): string {
  const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
  return proxies.peer({ address: peer, secure: false }, headers).address;
}

describe("where a request came from", () => {
  test.each([
    ["nobody is believed who is not trusted", "192.0.2.1", "198.51.100.1", "192.0.2.1"],
    ["a proxy is believed", "127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["and so is each before it that is trusted", "127.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"],
    [
      "what a client made up stands to the left of where it called from",
      "127.0.0.1",
      "10.9.9.9, 198.51.100.1",
      "198.51.100.1",
    ],
    ["a proxy that says nothing is itself the caller", "10.0.0.1", undefined, "10.0.0.1"],
    ["all of them trusted: the farthest", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["what is no address ends the chain", "10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"],
    ["nor is a number or a short form", "10.0.0.1", "3325256705", "10.0.0.1"],
    ["ports and brackets are left out", "10.0.0.1", "[2001:db8::1]:443, 10.0.0.2:8080", "2001:db8::1"],
    ["an IPv4 address in IPv6 is what it is", "::ffff:127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["IPv6 proxies are known", "fd00::1", "2001:db8::2", "2001:db8::2"],
  ])("%s", (_, peer, forwarded, expected) => expect(address(peer, forwarded)).toBe(expected));

  test("whatever is sent, it is an address of the chain", () => {
    const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[ -~]*$/));
    fc.assert(
      fc.property(fc.ipV4(), fc.array(hop, { maxLength: 40 }), (peer, hops) => {
        expect(address(peer, hops.join(","))).toMatch(/^[0-9a-f.:]+$/);
      }),
    );
  });

  test("TLS ends at a proxy that is trusted, or here", () => {
    const secure = (peer: string, scheme: string | undefined, tls = false) =>
      proxies.peer({ address: peer, secure: tls }, new Headers(scheme ? { "x-forwarded-proto": scheme } : {})).secure;
    expect(secure("127.0.0.1", "https")).toBe(true);
    expect(secure("127.0.0.1", "http", true)).toBe(false);
    expect(secure("192.0.2.1", "https")).toBe(false);
    expect(secure("192.0.2.1", "http", true)).toBe(true);
    expect(secure("127.0.0.1", undefined, true)).toBe(true);
  });
});

test("only addresses and ranges can be trusted", () => {
  expect(loadConfig({ TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8,fd00::/8" }).trustedProxies).toHaveLength(3);
  for (const value of ["nginx", "10.0.0.0/33", "*", "10.0.0"]) {
    expect(() => loadConfig({ TRUSTED_PROXIES: value })).toThrow(ConfigError);
  }
});
