/**
 * A small OpenAI-compatible engine that behaves like the real ones, well or badly, on command. Runs on Bun, Deno and
 * Node: `bun test/fake-engine/engine.ts --port 0 --load-ms 500 --mode llama`.
 *
 * When its socket is decided it prints one JSON line, `{"port", "control_port", "pid"}`. The engine's own socket
 * behaves as the mode says; the control socket is always there:
 * - `POST /control` with any fields of `Behaviour` changes how it behaves from now on.
 * - `POST /control {"crash": code}` ends the process at once; `{"loaded": true}` ends the loading phase.
 * - `GET /control` tells the behaviour, the open engine connections and how often each path was asked for.
 *
 * How it goes wrong is said by flags, as a recipe's command gives them:
 * - `--exit-code N` ends at once with it, before it listens; with `--crash-after-ms MS` that much later.
 * - `--ignore-sigterm`; `--linger-ms MS` ends so long after SIGTERM; `--hang health` and `--hang generate`.
 * - `--spawn-child group` starts a process that only sleeps, `--spawn-child session` one that has left the group and
 *   ignores SIGTERM; `--fork` starts itself anew in the background, and ends.
 * - `--allocate BYTES` fills that much memory, a piece at a time, before it listens.
 * - `--journal FILE` notes its start there, and `double` if an engine that noted its own still runs. Linux only.
 * - `--say TEXT` writes it to standard error, `--long-line N` a line of N bytes, `--write-bytes N` N bytes of lines.
 */
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

/** What can be switched while it runs. */
interface Behaviour {
  /** Answer of the health path once loaded. */
  health: number | "hang" | "close" | "endless 200" | "endless 503";
  generate: "answer" | "hang" | number;
  /** What its metrics page tells; null answers 404. */
  metrics: { running: number; waiting: number; prompt: number; generated: number; cache: number } | null;
  loaded: boolean;
}

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    mode: { type: "string", default: "llama" },
    /** Milliseconds; `hold` loads until `POST /control {"loaded": true}`. */
    "load-ms": { type: "string", default: "0" },
    model: { type: "string", default: "fake-model" },
    "exit-code": { type: "string" },
    "crash-after-ms": { type: "string" },
    "ignore-sigterm": { type: "boolean", default: false },
    "linger-ms": { type: "string" },
    hang: { type: "string", multiple: true, default: [] },
    "spawn-child": { type: "string" },
    fork: { type: "boolean", default: false },
    allocate: { type: "string" },
    journal: { type: "string" },
    say: { type: "string", multiple: true, default: [] },
    "long-line": { type: "string" },
    "write-bytes": { type: "string" },
  },
});

const loadMs = flags["load-ms"] === "hold" ? Number.POSITIVE_INFINITY : Number(flags["load-ms"]);
const behaviour: Behaviour = {
  health: flags.hang.includes("health") ? "hang" : 200,
  generate: flags.hang.includes("generate") ? "hang" : "answer",
  metrics: { running: 0, waiting: 0, prompt: 0, generated: 0, cache: 0 },
  loaded: loadMs === 0,
};
const asked: Record<string, number> = {};

/** What each engine serves, by path; the others answer 404. */
const modes: Record<string, Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
  // https://github.com/ggml-org/llama.cpp/tree/master/tools/server: 503 with an error object while loading.
  llama: {
    "/health": (_request, response) => health(response, { status: "ok" }),
    "/v1/models": (_request, response) => unlessLoading(response, () => json(response, 200, models())),
    "/v1/chat/completions": (_request, response) => unlessLoading(response, () => generate(response)),
    "/v1/completions": (_request, response) => unlessLoading(response, () => generate(response)),
    "/metrics": (_request, response) =>
      page(response, ({ running, waiting, prompt, generated }) => [
        `llamacpp:prompt_tokens_total ${prompt}`,
        `llamacpp:tokens_predicted_total ${generated}`,
        `llamacpp:requests_processing ${running}`,
        `llamacpp:requests_deferred ${waiting}`,
      ]),
  },
  // vLLM listens only once the model is loaded, and its /health has no body.
  vllm: {
    "/health": (_request, response) => health(response, undefined),
    "/v1/models": (_request, response) => json(response, 200, models()),
    "/v1/chat/completions": (_request, response) => generate(response),
    "/v1/completions": (_request, response) => generate(response),
    "/metrics": (_request, response) =>
      page(response, ({ running, waiting, prompt, generated, cache }) => [
        `vllm:num_requests_running{engine="0",model_name="m"} ${running}`,
        `vllm:num_requests_waiting{engine="0",model_name="m"} ${waiting}`,
        `vllm:kv_cache_usage_perc{engine="0",model_name="m"} ${cache}`,
        `vllm:prompt_tokens_total{engine="0",model_name="m"} ${prompt}`,
        `vllm:generation_tokens_total{engine="0",model_name="m"} ${generated}`,
      ]),
  },
  ollama: {
    "/": (_request, response) => health(response, "Ollama is running"),
    "/v1/chat/completions": (_request, response) => generate(response),
  },
};
const paths = modes[flags.mode];
if (!paths) throw new Error(`--mode must be one of ${Object.keys(modes).join(", ")}`);

const engine = createServer((request, response) => {
  const path = request.url?.split("?")[0] ?? "/";
  asked[path] = (asked[path] ?? 0) + 1;
  const serve = paths[path];
  if (serve) serve(request, response);
  else json(response, 404, { error: { code: 404, message: "Not found" } });
});
const control = createServer((request, response) => void command(request, response));

if (flags.journal !== undefined) note(flags.journal);
for (const text of flags.say) console.error(text);
if (flags["long-line"] !== undefined) console.log("x".repeat(Number(flags["long-line"])));
if (flags["write-bytes"] !== undefined) await writeBytes(Number(flags["write-bytes"]));
const held: Buffer[] = [];
for (let bytes = 0; bytes < Number(flags.allocate ?? 0); bytes += 1 << 22) held.push(Buffer.alloc(1 << 22, 1));
if (flags["ignore-sigterm"]) process.on("SIGTERM", () => console.error("SIGTERM is ignored"));
const lingerMs = flags["linger-ms"];
if (lingerMs !== undefined) process.on("SIGTERM", () => setTimeout(() => process.exit(0), Number(lingerMs)));
if (flags["spawn-child"] !== undefined) sleeper(flags["spawn-child"] === "session");
if (flags.fork) startAnew();
if (flags["exit-code"] !== undefined) {
  setTimeout(() => process.exit(Number(flags["exit-code"])), Number(flags["crash-after-ms"] ?? 0));
  // Until then it serves; without that time it never listens.
  if (flags["crash-after-ms"] === undefined) await new Promise(() => {});
}

const controlPort = await listen(control, 0, "127.0.0.1");
const port = await listen(engine, Number(flags.port), flags.host);
// A port of its own that refuses until it is loaded: it is given back, and listened on again later.
if (flags.mode === "vllm" && !behaviour.loaded) await new Promise((resolve) => engine.close(resolve));
console.log(JSON.stringify({ port, control_port: controlPort, pid: process.pid }));
if (loadMs > 0 && loadMs !== Number.POSITIVE_INFINITY) setTimeout(() => void load(), loadMs);

/** What tells a double start, however short it is: each engine looks whether one before it is still there. */
function note(journal: string): void {
  const started = (pid: number): string | undefined => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  };
  // First noted, then looked: of two at the same time at least one sees the other.
  appendFileSync(journal, `start ${process.pid} ${started(process.pid)}\n`);
  for (const line of readFileSync(journal, "utf8").split("\n")) {
    const [what, pid, time] = line.split(" ");
    if (what !== "start" || Number(pid) === process.pid) continue;
    if (started(Number(pid)) === time) appendFileSync(journal, `double ${process.pid} beside ${pid}\n`);
  }
}

/** A process that only sleeps, holding this one's output open. */
function sleeper(leaves: boolean): void {
  const script = leaves ? "trap '' TERM; while :; do sleep 1; done" : "exec sleep 1000";
  spawn("/bin/sh", ["-c", script], { stdio: "inherit", detached: leaves }).unref();
}

/** As a daemon does: the process that was started ends, another one does the work. */
function startAnew(): never {
  const args = process.argv.slice(1).filter((arg) => arg !== "--fork");
  spawn(process.execPath, args, { stdio: "inherit", detached: true }).unref();
  process.exit(0);
}

async function writeBytes(count: number): Promise<void> {
  const lines = `${"y".repeat(99)}\n`.repeat(10_000);
  for (let written = 0; written < count; written += lines.length) {
    if (!process.stdout.write(lines)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}

async function load(): Promise<void> {
  behaviour.loaded = true;
  if (!engine.listening) await listen(engine, port, flags.host);
}

async function command(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== "/control") return json(response, 404, { error: "only /control" });
  if (request.method === "POST") {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { crash, loaded, ...change } = JSON.parse(text) as Partial<Behaviour> & { crash?: number };
    if (crash !== undefined) process.exit(crash);
    Object.assign(behaviour, change);
    if (loaded) await load();
  }
  const connections = await new Promise((resolve) => engine.getConnections((_error, count) => resolve(count)));
  json(response, 200, { ...behaviour, connections, asked });
}

function health(response: ServerResponse, body: unknown): void {
  unlessLoading(response, () => {
    const { health: how } = behaviour;
    if (how === "hang") return;
    if (how === "close") return void response.destroy();
    if (how === "endless 200") return endless(response, 200);
    if (how === "endless 503") return endless(response, 503);
    if (how >= 300 && how < 400) response.setHeader("location", "/elsewhere");
    if (typeof body === "object")
      json(response, how, how === 200 ? body : { error: { code: how, message: "told to" } });
    else response.writeHead(how).end(body);
  });
}

function unlessLoading(response: ServerResponse, serve: () => void): void {
  if (behaviour.loaded) serve();
  else json(response, 503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
}

/** An answer whose body never ends. */
function endless(response: ServerResponse, status: number): void {
  response.writeHead(status);
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
  };
  response.on("drain", more);
  more();
}

function generate(response: ServerResponse): void {
  if (behaviour.generate === "hang") return;
  if (typeof behaviour.generate === "number") {
    json(response, behaviour.generate, { error: { code: behaviour.generate, message: "told to" } });
    return;
  }
  if (behaviour.metrics) {
    behaviour.metrics.prompt++;
    behaviour.metrics.generated++;
  }
  const message = { role: "assistant", content: "hello" };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  json(response, 200, { id: "chatcmpl-1", object: "chat.completion", model: flags.model, choices, usage });
}

/** Prometheus text. */
function page(response: ServerResponse, lines: (told: NonNullable<Behaviour["metrics"]>) => string[]): void {
  if (!behaviour.metrics) {
    json(response, 404, { error: { code: 404, message: "Not found" } });
    return;
  }
  response
    .writeHead(200, { "content-type": "text/plain; version=0.0.4" })
    .end(`${lines(behaviour.metrics).join("\n")}\n`);
}

function models(): unknown {
  return { object: "list", data: [{ id: flags.model, object: "model", created: 0, owned_by: "fake" }] };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return (server.address() as AddressInfo).port;
}
