import { describe, expect, test } from "bun:test";
import { Addresses } from "../../../src/alerts/notifiers/addresses.ts";

const NAMES: Record<string, string[]> = {
  "hooks.example.org": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
  "ntfy.lan": ["192.168.1.7"],
  "mixed.example.org": ["10.1.2.3", "93.184.215.14"],
  "metadata.example.org": ["169.254.169.254"],
};

function addresses(...allowed: string[]) {
  return new Addresses(allowed, async (name) => {
    const found = NAMES[name];
    if (!found) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
    return found;
  });
}

describe("where a channel may lead", () => {
  test("public addresses, in the order they were found", async () => {
    expect(await addresses().of("hooks.example.org")).toEqual([
      "93.184.215.14",
      "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    ]);
    expect(await addresses().of("8.8.8.8")).toEqual(["8.8.8.8"]);
  });

  test.each([
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[::7f00:1]",
    "[::a9fe:a9fe]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[ff02::1]",
  ])("%s is refused unless it is allowed", async (host) => {
    await expect(addresses().of(host)).rejects.toThrow(/not a public address/);
  });

  test("how a URL writes an address makes no difference", async () => {
    for (const url of ["http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/"]) {
      await expect(addresses().of(new URL(url).hostname)).rejects.toThrow(/not a public address/);
    }
  });

  test("a name that leads to a private address is refused, one that leads to both goes to the public one", async () => {
    await expect(addresses().of("ntfy.lan")).rejects.toThrow("ntfy.lan (192.168.1.7) is not");
    expect(await addresses().of("mixed.example.org")).toEqual(["93.184.215.14"]);
  });

  test("a name that does not exist says so", async () => {
    await expect(addresses().of("nowhere.example.org")).rejects.toThrow("cannot be resolved (ENOTFOUND)");
  });

  test("an allowed name, address or range opens just that", async () => {
    expect(await addresses("ntfy.lan").of("NTFY.lan")).toEqual(["192.168.1.7"]);
    expect(await addresses("192.168.1.7").of("ntfy.lan")).toEqual(["192.168.1.7"]);
    expect(await addresses("192.168.0.0/16").of("ntfy.lan")).toEqual(["192.168.1.7"]);
    expect(await addresses("::1").of("[::1]")).toEqual(["::1"]);
    await expect(addresses("192.168.0.0/24").of("ntfy.lan")).rejects.toThrow();
    await expect(addresses("fd00::/8").of("ntfy.lan")).rejects.toThrow();
    await expect(addresses("ntfy.lan").of("192.168.1.7")).rejects.toThrow();
  });

  test("all private ones allowed still leaves out what holds a machine's credentials", async () => {
    for (const host of ["127.0.0.1", "[::1]", "10.0.0.1", "[fd00::1]", "100.64.0.1"]) {
      expect(await addresses("on").of(host)).toHaveLength(1);
    }
    for (const host of ["metadata.example.org", "[fd00:ec2::254]", "100.100.100.200", "[fe80::1]", "0.0.0.0"]) {
      await expect(addresses("on").of(host)).rejects.toThrow();
    }
    expect(await addresses("on", "169.254.169.254").of("metadata.example.org")).toEqual(["169.254.169.254"]);
  });
});
