import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { tempDir } from "../temp-dir.ts";
import type { Engine } from "./engine.ts";

/**
 * Makes the image that ours is built on, without a registry of images: a minimal Debian of this machine's release from
 * this machine's mirror, and the Bun that runs the test.
 */
export function importBaseImage(engine: Engine, name: string): void {
  using dir = tempDir();
  const root = join(dir.path, "root");
  const release = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  const targets = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", `Codename: ${release}`];
  const mirror = output("apt-get", targets).split("\n")[0] ?? "";
  output("debootstrap", ["--variant=minbase", release, root, mirror]);
  copyFileSync(process.execPath, join(root, "usr/local/bin/bun"));
  engine.importImage(root, name);
}

/**
 * Builds our image as a person behind a registry of their own would: with this machine's npm settings and certificates
 * as secrets, none of which ends up in the image.
 */
export function buildImage(engine: Engine, checkout: string, base: string, name: string): void {
  using dir = tempDir();
  const npmrc = join(dir.path, "npmrc");
  const own = join(homedir(), ".npmrc");
  const registry = output("npm", ["config", "get", "registry"]).trim();
  writeFileSync(npmrc, `${existsSync(own) ? readFileSync(own, "utf8") : ""}\nregistry=${registry}\n`, { mode: 0o600 });
  const ca = process.env.NODE_EXTRA_CA_CERTS ?? "/etc/ssl/certs/ca-certificates.crt";
  const secrets = ["--secret", `id=npmrc,src=${npmrc}`, ...(existsSync(ca) ? ["--secret", `id=ca,src=${ca}`] : [])];
  engine.docker("build", "--network=host", "--build-arg", `BASE=${base}`, ...secrets, "--tag", name, checkout);
}

function output(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error ?? status}\n${stdout}${stderr}`);
  return stdout;
}
