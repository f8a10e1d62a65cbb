import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { streamName } from "../../src/contract/index.ts";
import type { Payload } from "../socket-client.ts";

const program = fileURLToPath(new URL("../python/client.py", import.meta.url));

/** Longest wait for one event. */
const WAIT_MS = 30_000;

/** python-socketio, subscribed to every stream. */
export class PythonClient implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: { readonly event: string; readonly data: Payload }[] = [];
  #look = () => {};
  #rest = "";
  #errors = "";

  private constructor(url: string, transport: string) {
    this.#child = spawn("/usr/bin/python3", ["-u", program, url, transport], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      this.#lines.push(...parts.map((line) => JSON.parse(line)));
      this.#look();
    });
  }

  /** Resolves when it is subscribed. */
  static async start(url: string, transport: string): Promise<PythonClient> {
    const client = new PythonClient(url, transport);
    for (const _ of streamName.options) await client.next("subscribed", () => true);
    return client;
  }

  /** Resolves to the payload of the first event of this name that was not yet taken and fits. One wait at a time. */
  next(event: string, fits: (payload: Payload) => boolean): Promise<Payload> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const names = this.#lines.map((line) => line.event).join(", ");
        reject(
          new Error(`client.py got no fitting ${event} within ${WAIT_MS} ms; received: ${names}\n${this.#errors}`),
        );
      }, WAIT_MS);
      this.#look = () => {
        const at = this.#lines.findIndex((line) => line.event === event && fits(line.data));
        if (at < 0) return;
        clearTimeout(timer);
        this.#look = () => {};
        resolve(this.#lines.splice(at, 1)[0]?.data);
      };
      this.#look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}
