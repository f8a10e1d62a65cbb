import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../temp-dir.ts";

/** A Docker engine of the test's own; what it keeps is gone with it. */
export interface Engine extends AsyncDisposable {
  /** The path of its socket. */
  readonly socket: string;
  /** Ends it, as the system does when it is stopped or upgraded; its containers end with it. */
  stop(): Promise<void>;
  /** Starts it again, with what it kept. */
  start(): Promise<void>;
  /** Runs `docker` with `args`; resolves to what it printed. @throws Error with what it said when it fails. */
  docker(...args: readonly string[]): string;
  /** Runs `docker` with `args` and resolves to the exit code. */
  exitCode(...args: readonly string[]): number | null;
  /** Runs `docker` with `args` until a line of its output fits `pattern`; resolves to the match. */
  follow(pattern: RegExp, ...args: readonly string[]): Promise<RegExpExecArray>;
  /** Makes an image of the files below `root`. */
  importImage(root: string, name: string): void;
  /** The files in a container, without the directories. */
  filesIn(container: string): readonly string[];
}

/** Debian's client, which is of the engine's version; another one may come first in the PATH. */
const CLIENT = "/usr/bin/docker";

/** Works without rights that a machine in a container or in CI may not have: no overlay mounts, no firewall, no bridge. */
const ENGINE_OPTIONS = ["--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"];

const WAIT_MS = 120_000;

/** Starts `dockerd`, which needs root, with its socket and everything else in a directory of its own. */
export async function startEngine(): Promise<Engine> {
  const dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  mkdirSync(at("config"));
  const environment = {
    ...process.env,
    DOCKER_HOST: `unix://${at("socket")}`,
    DOCKER_CONFIG: at("config"),
    DOCKER_BUILDKIT: "1",
  };
  const directories = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("pid")];
  const start = async () => {
    const child = spawn("/usr/sbin/dockerd", [...ENGINE_OPTIONS, ...directories, "-H", environment.DOCKER_HOST], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await lineOf(child, /API listen on/);
    return child;
  };
  let daemon: ChildProcess;
  try {
    daemon = await start();
  } catch (error) {
    dir[Symbol.dispose]();
    throw error;
  }
  const stop = async () => {
    daemon.kill("SIGTERM");
    await once(daemon, "exit");
  };
  const call = (args: readonly string[]) =>
    spawnSync(CLIENT, args, { encoding: "utf8", env: environment, maxBuffer: 64 * 1024 * 1024 });
  const docker = (...args: readonly string[]) => {
    const { status, stdout, stderr, error } = call(args);
    if (status !== 0) throw new Error(`docker ${args.join(" ")}: ${error ?? status}\n${stdout}${stderr}`);
    return stdout.trim();
  };
  const piped = (script: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", script, "bash", CLIENT, ...args], {
      encoding: "utf8",
      env: environment,
    });
    if (status !== 0) throw new Error(`${script} with ${args.join(" ")}: ${status}\n${stderr}`);
    return stdout;
  };
  return {
    socket: at("socket"),
    stop,
    async start() {
      daemon = await start();
    },
    docker,
    exitCode: (...args) => call(args).status,
    async follow(pattern, ...args) {
      const child = spawn(CLIENT, args, { stdio: ["ignore", "pipe", "pipe"], env: environment });
      try {
        return await lineOf(child, pattern);
      } finally {
        child.kill();
      }
    },
    importImage: (root, name) => void piped('tar -C "$2" -c . | "$1" import - "$3"', root, name),
    filesIn: (container) =>
      piped('"$1" export "$2" | tar -t', container)
        .split("\n")
        .filter((file) => /[^/]$/.test(file)),
    async [Symbol.asyncDispose]() {
      const containers = docker("ps", "--all", "--quiet").split("\n").filter(Boolean);
      if (containers.length > 0) docker("rm", "--force", "--volumes", ...containers);
      await stop();
      // The engine leaves the network namespace of its containers mounted.
      const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
      const left = mounts.flatMap((line) => line.split(" ")[1] ?? []).filter((path) => path.startsWith(dir.path));
      for (const path of left.reverse()) spawnSync("umount", [path]);
      dir[Symbol.dispose]();
    },
  };
}

/** Resolves when what `child` writes fits `pattern`; rejects when it ends before, or takes too long. */
function lineOf(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${child.spawnargs.join(" ")} ${why}:\n${output.slice(-10_000)}`));
    };
    const timer = setTimeout(() => fail(`did not say ${pattern} in time`), WAIT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const found = pattern.exec(output);
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      });
    }
    child.once("error", (error) => fail(String(error)));
    // Not `exit`: what it wrote last may still be on its way then.
    child.once("close", (code) => fail(`ended with ${code}`));
  });
}
