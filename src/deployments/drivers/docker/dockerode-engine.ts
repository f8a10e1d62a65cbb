import type Docker from "dockerode";
import { z } from "zod";
import {
  type Container,
  type ContainerEngine,
  EngineError,
  type Inspected,
  type PullMessage,
} from "./container-engine.ts";

/** For what the Engine answers at once; a busy disk or a removal of a large container can take a while. */
const ANSWER_MS = 30_000;
/** A look that people wait for. */
const LOOK_MS = 5_000;
/** Docker's own, for a container that says nothing else. */
const STOP_SECONDS = 10;
/** Beyond the grace of a stop: the Engine kills, and waits for the kernel. */
const STOP_EXTRA_MS = 30_000;

const containerList = z.array(
  z.object({ Id: z.string(), State: z.string(), Labels: z.record(z.string(), z.string()) }),
);
const inspected = z.object({
  Id: z.string(),
  Config: z.object({
    Labels: z.record(z.string(), z.string()).nullable(),
    StopTimeout: z.number().nullish(),
  }),
  State: z.object({
    Status: z.string(),
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    Error: z.string(),
    FinishedAt: z.string(),
  }),
});
const created = z.object({ Id: z.string(), Warnings: z.array(z.string()).nullish() });
const event = z.object({ Actor: z.object({ ID: z.string() }) });
const pullMessage = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  error: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});
const stats = z.object({ memory_stats: z.object({ usage: z.number().optional() }) });

/** A Docker Engine over its socket. Nothing is loaded before the first call: most of what dockerode brings is for SSH and builds. */
export function dockerodeEngine(socketPath: string): ContainerEngine {
  let loaded: Promise<Docker> | undefined;
  const client = () => {
    // A version is not asked for, so the Engine answers with its own, however old.
    loaded ??= import("dockerode").then(({ default: Dockerode }) => new Dockerode({ socketPath }));
    return loaded;
  };
  const container = async (id: string) => (await client()).getContainer(id);
  const ask = async <Answer>(ms: number, request: (docker: Docker, abortSignal: AbortSignal) => Promise<Answer>) => {
    const docker = await client();
    return await within(ms, (signal) => request(docker, signal));
  };

  return {
    async ping() {
      const request = { path: "/_ping", method: "GET", statusCodes: { 200: true } };
      await ask(LOOK_MS, (docker, abortSignal) => dial(docker, { ...request, abortSignal }));
    },
    async list(labels) {
      const filters = { label: pairs(labels) };
      const found = await ask(ANSWER_MS, (docker, abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      );
      return containerList
        .parse(found)
        .map(({ Id, State, Labels }) => ({ id: Id, labels: Labels, state: stateOf(State) }));
    },
    async inspect(id) {
      const found = await unlessMissing(
        ask(ANSWER_MS, (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal })),
      );
      return found && toInspected(found);
    },
    async create(name, options) {
      // Not given up half-way: what the Engine has begun would be there without our knowing. dockerode's own method would
      // put the variables into the URL as well, and leave out the warnings.
      const request = { path: "/containers/create?", method: "POST", options: { _query: { name }, _body: options } };
      const answer = await ask(ANSWER_MS, (docker) => dial(docker, { ...request, statusCodes: { 201: true } }));
      const { Id, Warnings } = created.parse(answer);
      return { id: Id, warnings: Warnings ?? [] };
    },
    start: async (id) => void (await unlessUnchanged(ask(ANSWER_MS, (docker) => docker.getContainer(id).start()))),
    async stop(id, graceMs) {
      await unlessUnchanged(unlessMissing(ask(graceMs + STOP_EXTRA_MS, (docker) => docker.getContainer(id).stop())));
    },
    remove: async (id) =>
      void (await unlessMissing(ask(ANSWER_MS, (docker) => docker.getContainer(id).remove({ force: true, v: true })))),
    async hasImage(name) {
      return (await unlessMissing(ask(ANSWER_MS, (docker) => docker.getImage(name).inspect()))) !== undefined;
    },
    async pull(name, onMessage, signal) {
      const docker = await client();
      const stream = await within(ANSWER_MS, () => docker.pull(name, { abortSignal: signal }), signal);
      for await (const line of linesOf(stream)) {
        const message = pullMessage.parse(JSON.parse(line));
        if (message.error !== undefined) throw new EngineError("refused", message.error);
        onMessage(message satisfies PullMessage);
      }
    },
    async events(labels, onEvent, signal) {
      const docker = await client();
      const filters = { type: ["container" as const], label: pairs(labels) };
      const stream = await within(ANSWER_MS, () => docker.getEvents({ filters, abortSignal: signal }), signal);
      const listen = async () => {
        for await (const line of linesOf(stream)) {
          const heard = event.safeParse(JSON.parse(line));
          if (heard.success) onEvent(heard.data.Actor.ID);
        }
      };
      // However it ended, what was missed is found by looking.
      return { ended: listen().catch(() => {}) };
    },
    async tail(id, lines) {
      const it = await container(id);
      const options = { follow: false, stdout: true, stderr: true, timestamps: true, tail: lines } as const;
      return await within(ANSWER_MS, (abortSignal) => it.logs({ ...options, abortSignal }));
    },
    async memory(id) {
      // Without one-shot, which dockerode's types don't know, the Engine takes two samples, a second apart.
      const path = `/containers/${id}/stats?stream=false&one-shot=true`;
      const request = { path, method: "GET", statusCodes: { 200: true } };
      const answer = await ask(ANSWER_MS, (docker, abortSignal) => dial(docker, { ...request, abortSignal }));
      return stats.safeParse(answer).data?.memory_stats.usage ?? null;
    },
  };
}

function pairs(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

function dial(docker: Docker, request: Parameters<Docker["modem"]["dial"]>[0]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: unknown, answer: unknown) => (error ? reject(error) : resolve(answer)));
  });
}

function stateOf(state: string): Container["state"] {
  if (state === "created") return "created";
  // A container that is being removed may still run; looking again shows how that went.
  return state === "exited" || state === "dead" ? "over" : "running";
}

function toInspected(answer: unknown): Inspected {
  const { Id, Config, State } = inspected.parse(answer);
  const finishedAt = Date.parse(State.FinishedAt);
  return {
    id: Id,
    labels: Config.Labels ?? {},
    state: stateOf(State.Status),
    graceMs: (Config.StopTimeout ?? STOP_SECONDS) * 1000,
    exit: {
      code: State.ExitCode,
      oom: State.OOMKilled,
      error: State.Error,
      // Go's zero time, year 1, stands for never.
      finishedAt: finishedAt > 0 ? finishedAt : null,
    },
  };
}

/**
 * One request with a limit. dockerode's own promise is not to be relied on: when the Engine dies between the head and the
 * body of an answer it never settles.
 */
async function within<Answer>(
  ms: number,
  request: (signal: AbortSignal) => Promise<Answer>,
  given?: AbortSignal,
): Promise<Answer> {
  const limit = new AbortController();
  const late = Promise.withResolvers<never>();
  const giveUp = () => {
    limit.abort();
    late.reject(new EngineError("unreachable", given?.aborted ? "given up" : `no answer in ${ms / 1000} s`));
  };
  const timer = setTimeout(giveUp, ms);
  given?.addEventListener("abort", giveUp, { once: true });
  if (given?.aborted) giveUp();
  try {
    return await Promise.race([late.promise, request(limit.signal)]);
  } catch (error) {
    throw toEngineError(error);
  } finally {
    clearTimeout(timer);
    given?.removeEventListener("abort", giveUp);
  }
}

const answerError = z.object({
  statusCode: z.number(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});

function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const text = error instanceof Error ? error.message.trim() : String(error);
  const answer = answerError.safeParse(error).data;
  if (!answer) return new EngineError("unreachable", text);
  const message = answer.json?.message ?? text.replace(/^\(HTTP code \d+\) .*? - /, "");
  if (answer.statusCode === 304) return new EngineError("unchanged", message);
  if (answer.statusCode === 404) return new EngineError("missing", message);
  if (answer.statusCode === 409) return new EngineError("conflict", message);
  return new EngineError("refused", message);
}

async function unlessMissing<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "missing") return undefined;
    throw error;
  }
}

/** 304: it was already so. */
async function unlessUnchanged<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.kind === "unchanged") return undefined;
    throw error;
  }
}

/** A stream that is cut off is an Engine that is gone. */
async function* chunksOf(stream: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw new EngineError("unreachable", error instanceof Error ? error.message : String(error));
  }
}

/** The Engine's messages are lines of JSON; this many characters without an end are none. */
const LINE_LIMIT = 1024 * 1024;

async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunksOf(stream)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_LIMIT) throw new EngineError("refused", "the Engine sent a line without an end");
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}
