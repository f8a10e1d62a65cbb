import { describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CertificateError, CertificateWatch, readCertificate } from "../../src/access/certificate.ts";
import { FakeClock } from "../fake-clock.ts";
import { tempDir } from "../temp-dir.ts";
import { tlsIdentity } from "../tls-identity.ts";

const [first, second] = [tlsIdentity("first"), tlsIdentity("second")];
const DAY_MS = 86_400_000;

/** A watched pair of files in a directory of their own, and what was said of it. */
function rig(clock = new FakeClock()) {
  const dir = tempDir();
  const files = { certFile: join(dir.path, "tls.crt"), keyFile: join(dir.path, "tls.key") };
  const put = ({ certFile, keyFile }: { certFile: string; keyFile: string }) => {
    copyFileSync(certFile, files.certFile);
    copyFileSync(keyFile, files.keyFile);
  };
  put(first);
  const said: string[] = [];
  const say = (level: string) => (message: string) => void said.push(`${level}: ${message}`);
  const log = { info: say("info"), warning: say("warning"), error: say("error") };
  const watch = new CertificateWatch({ files, clock, log });
  const given: string[] = [];
  watch.onChange(({ cert }) => given.push(cert));
  return {
    clock,
    files,
    put,
    said,
    watch,
    given,
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}

describe("a certificate", () => {
  test("is read with what it is for and how long", () => {
    const { names, expiresAt } = readCertificate(first);
    expect(names).toBe("DNS:localhost, IP Address:127.0.0.1");
    expect(expiresAt).toBeGreaterThan(Date.UTC(2100, 0));
  });

  test.each([
    [
      "a missing file",
      { certFile: "/nowhere/tls.crt", keyFile: first.keyFile },
      /^TLS_CERT \/nowhere\/tls\.crt cannot be read/,
    ],
    [
      "a file that holds something else",
      { ...first, certFile: first.keyFile },
      /^TLS_CERT .* does not hold a certificate in PEM\.$/,
    ],
    ["a key that is none", { ...first, keyFile: first.certFile }, /^TLS_KEY .* does not hold a private key/],
    ["the key of another", { ...first, keyFile: second.keyFile }, /^TLS_KEY .* is not the key of the certificate/],
  ])("%s is named", (_what, files, message) => {
    expect(() => readCertificate(files)).toThrow(CertificateError);
    expect(() => readCertificate(files)).toThrow(message);
  });
});

describe("watching", () => {
  test("hands on what replaces it, once", async () => {
    using r = rig();
    await r.clock.advance(20_000);
    expect(r.given).toEqual([]);
    r.put(second);
    await r.clock.advance(20_000);
    expect(r.given).toEqual([second.cert]);
    expect(r.watch.current.cert).toBe(second.cert);
    expect(r.said).toEqual([expect.stringContaining("info: New connections get the new certificate")]);
  });

  test("keeps the one before while its files do not fit, and says so once", async () => {
    using r = rig();
    copyFileSync(second.certFile, r.files.certFile);
    await r.clock.advance(60_000);
    writeFileSync(r.files.certFile, "half of it");
    await r.clock.advance(60_000);
    expect(r.given).toEqual([]);
    expect(r.watch.current.cert).toBe(first.cert);
    expect(r.said).toHaveLength(2);
    r.put(second);
    await r.clock.advance(10_000);
    expect(r.given).toEqual([second.cert]);
  });

  test("keeps the one before when the server cannot take the new one, and tries again", async () => {
    using r = rig();
    let refuse = true;
    r.watch.onChange(({ cert }) => {
      if (refuse) throw new Error("no");
      r.given.push(cert);
    });
    r.put(second);
    await r.clock.advance(30_000);
    expect(r.watch.current.cert).toBe(first.cert);
    refuse = false;
    await r.clock.advance(10_000);
    expect(r.given).toEqual([second.cert]);
  });

  test("warns a fortnight before the end, once a day", async () => {
    const clock = new FakeClock();
    using r = rig(clock);
    expect(r.said).toEqual([]);
    clock.jumpWall(r.watch.current.expiresAt - clock.now() - 13 * DAY_MS);
    await clock.advance(60_000);
    expect(r.said).toEqual([expect.stringContaining("warning: The certificate")]);
    await clock.advance(DAY_MS);
    expect(r.said).toHaveLength(2);
  });
});
