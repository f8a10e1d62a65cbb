import { spawnSync } from "node:child_process";
import { tempDir } from "../temp-dir.ts";

/** A file system of its own that is small enough to be filled: a tmpfs. Needs root. */
export class SmallDisk implements Disposable {
  readonly path: string;
  readonly #dir = tempDir();

  constructor(bytes: number) {
    this.path = this.#dir.path;
    run("mount", ["-t", "tmpfs", "-o", `size=${bytes},nr_inodes=1000`, "llm-manager-test", this.path]);
  }

  [Symbol.dispose](): void {
    // Lazily: a server that was killed may not have let go of it yet.
    run("umount", ["--lazy", this.path]);
    this.#dir[Symbol.dispose]();
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
