import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../temp-dir.ts";
import { freePort } from "./rig.ts";

/** Debian's docker-registry on a port of its own; the Engine needs no certificate of one on loopback. */
export async function localRegistry(): Promise<AsyncDisposable & { readonly port: number }> {
  const dir = tempDir();
  const port = await freePort();
  const config = join(dir.path, "config.yml");
  const storage = { filesystem: { rootdirectory: join(dir.path, "data") } };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` } }));
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("listening on")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`docker-registry ended with ${code}:\n${output}`)));
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
      dir[Symbol.dispose]();
    },
  };
}
