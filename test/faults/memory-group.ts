import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const V1 = "/sys/fs/cgroup/memory";
const V2 = "/sys/fs/cgroup";

/** A control group with a limit to its memory, as a container has one. Needs root. */
export class MemoryGroup implements Disposable {
  readonly limitBytes: number;
  readonly #directory: string;
  readonly #version: 1 | 2;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
    this.#version = existsSync(join(V1, "cgroup.procs")) ? 1 : 2;
    this.#directory = join(this.#version === 1 ? V1 : V2, `llm-manager-test-${process.pid}`);
    mkdirSync(this.#directory);
    const file = this.#version === 1 ? "memory.limit_in_bytes" : "memory.max";
    writeFileSync(join(this.#directory, file), String(limitBytes));
  }

  /** Bytes in use without the page cache that can be dropped. */
  get usedBytes(): number {
    const read = (name: string) => readFileSync(join(this.#directory, name), "utf8");
    const [usage, key] =
      this.#version === 1 ? ["memory.usage_in_bytes", "total_inactive_file"] : ["memory.current", "inactive_file"];
    const cache = new RegExp(`^${key} ([0-9]+)$`, "m").exec(read("memory.stat"))?.[1] ?? 0;
    return Number(read(usage)) - Number(cache);
  }

  /** A command that runs `command`, and what is put behind it, in this group. */
  command(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
    const enter = `echo $$ > ${join(this.#directory, "cgroup.procs")} && exec "$@"`;
    return ["/bin/sh", "-c", enter, "sh", ...command];
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#directory);
  }
}

/** A page. */
const MINIMUM = 4_096;

/** Takes as many bytes more as each line of its input says, and says when it has them. */
const PROGRAM = `
import sys
held = []
for line in sys.stdin:
    block = bytearray(int(line))
    block[::4096] = b"x" * len(range(0, len(block), 4096))
    held.append(block)
    print(len(held), flush=True)
`;

/** A process in a group that takes memory until it is told to end. */
export class MemoryEater implements AsyncDisposable {
  readonly #group: MemoryGroup;
  readonly #process: ChildProcess;

  constructor(group: MemoryGroup) {
    this.#group = group;
    const [command, ...args] = group.command(["/usr/bin/python3", "-c", PROGRAM]);
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  }

  /** Takes what is missing until this share of the group's limit is in use. */
  async fillTo(share: number): Promise<void> {
    // The program itself has to be there before what is missing is known.
    await this.#take(MINIMUM);
    const missing = Math.round(share * this.#group.limitBytes - this.#group.usedBytes);
    if (missing > 0) await this.#take(missing);
  }

  async #take(bytes: number): Promise<void> {
    const { stdin, stdout } = this.#process;
    if (!stdin || !stdout) throw new Error("the process has no pipes");
    stdin.write(`${bytes}\n`);
    await once(stdout, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }
}
