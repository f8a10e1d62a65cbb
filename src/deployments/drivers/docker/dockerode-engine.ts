import type Docker from "dockerode";
import { z } from "zod";
import {
  type Container,
  type ContainerEngine,
  EngineError,
  type Inspected,
  type PullMessage,
} from "./container-engine.ts";
import { chunksOf, linesOf, unlessMissing, unlessUnchanged, within } from "./engine-requests.ts";

/** In milliseconds. */
const LIMITS = {
  /** For what the Engine answers at once; a busy disk or a removal of a large container can take a while. */
  answer: 30_000,
  /** A look that people wait for. */
  look: 5_000,
  /** Beyond the grace of a stop: the Engine kills, and waits for the kernel. */
  stopExtra: 30_000,
};
/** Docker's own, for a container that says nothing else. */
const STOP_SECONDS = 10;

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
const event = z.object({ Action: z.string(), Actor: z.object({ ID: z.string() }) });
const pullMessage = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  error: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
});
const stats = z.object({ memory_stats: z.object({ usage: z.number().optional() }) });

/** A Docker Engine over its socket. Nothing is loaded before the first call: most of what dockerode brings is for SSH and builds. */
export function dockerodeEngine(socketPath: string, limits = LIMITS): ContainerEngine {
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
      await ask(limits.look, (docker, abortSignal) => dial(docker, { ...request, abortSignal }));
    },
    async list(labels) {
      const filters = { label: pairs(labels) };
      const found = await ask(limits.answer, (docker, abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      );
      return containerList
        .parse(found)
        .map(({ Id, State, Labels }) => ({ id: Id, labels: Labels, state: stateOf(State) }));
    },
    async inspect(id) {
      const found = await unlessMissing(
        ask(limits.answer, (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal })),
      );
      return found && toInspected(found);
    },
    async create(name, options) {
      // Not given up half-way: what the Engine has begun would be there without our knowing. dockerode's own method would
      // put the variables into the URL as well, and leave out the warnings.
      const request = { path: "/containers/create?", method: "POST", options: { _query: { name }, _body: options } };
      const answer = await ask(limits.answer, (docker) => dial(docker, { ...request, statusCodes: { 201: true } }));
      const { Id, Warnings } = created.parse(answer);
      return { id: Id, warnings: Warnings ?? [] };
    },
    start: async (id) => void (await unlessUnchanged(ask(limits.answer, (docker) => docker.getContainer(id).start()))),
    async stop(id, graceMs) {
      await unlessUnchanged(unlessMissing(ask(graceMs + limits.stopExtra, (docker) => docker.getContainer(id).stop())));
    },
    remove: async (id) =>
      void (await unlessMissing(
        ask(limits.answer, (docker) => docker.getContainer(id).remove({ force: true, v: true })),
      )),
    async hasImage(name) {
      return (await unlessMissing(ask(limits.answer, (docker) => docker.getImage(name).inspect()))) !== undefined;
    },
    async pull(name, onMessage, signal) {
      const docker = await client();
      const stream = await within(limits.answer, () => docker.pull(name, { abortSignal: signal }), signal);
      for await (const line of linesOf(stream)) {
        const message = pullMessage.parse(JSON.parse(line));
        if (message.error !== undefined) throw new EngineError("refused", message.error);
        onMessage(message satisfies PullMessage);
      }
    },
    async events(labels, onEvent, signal) {
      const docker = await client();
      const filters = { type: ["container" as const], label: pairs(labels) };
      const stream = await within(limits.answer, () => docker.getEvents({ filters, abortSignal: signal }), signal);
      const listen = async () => {
        for await (const line of linesOf(stream)) {
          const heard = event.safeParse(JSON.parse(line));
          if (heard.success) onEvent(heard.data.Actor.ID, heard.data.Action);
        }
      };
      // However it ended, what was missed is found by looking.
      return { ended: listen().catch(() => {}) };
    },
    async *logs(id, since, signal) {
      const it = await container(id);
      const options = { follow: true, stdout: true, stderr: true, timestamps: true, abortSignal: signal } as const;
      // dockerode's types want a number, which would lose the decimals.
      const stream = await within(
        limits.answer,
        () => it.logs({ ...options, since: since as unknown as number }),
        signal,
      );
      yield* chunksOf(stream);
    },
    async tail(id, lines) {
      const it = await container(id);
      const options = { follow: false, stdout: true, stderr: true, timestamps: true, tail: lines } as const;
      return await within(limits.answer, (abortSignal) => it.logs({ ...options, abortSignal }));
    },
    async memory(id) {
      // Without one-shot, which dockerode's types don't know, the Engine takes two samples, a second apart.
      const path = `/containers/${id}/stats?stream=false&one-shot=true`;
      const request = { path, method: "GET", statusCodes: { 200: true } };
      const answer = await ask(limits.answer, (docker, abortSignal) => dial(docker, { ...request, abortSignal }));
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
