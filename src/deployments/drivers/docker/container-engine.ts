import type { ContainerCreateOptions } from "dockerode";

/** A container as the Engine sees it. */
export interface Container {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `created` was never started; `over` may be started again, but not by us. */
  readonly state: "created" | "running" | "over";
}

/** The end of a container, or why it never began. */
export interface Exit {
  readonly code: number;
  readonly oom: boolean;
  /** What the Engine says went wrong; empty if nothing did. */
  readonly error: string;
  /** Milliseconds since the epoch; null when it never ran. */
  readonly finishedAt: number | null;
}

export interface Inspected extends Container {
  /** Between its stop signal and its being killed. */
  readonly graceMs: number;
  readonly exit: Exit;
}

export interface PullMessage {
  readonly id?: string | undefined;
  readonly status?: string | undefined;
  readonly progressDetail?: { readonly current?: number | undefined; readonly total?: number | undefined } | undefined;
}

/** What went wrong between us and the Docker Engine. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /**
   * `unreachable`: it gave no answer, so whether something was done is unknown. `missing`: there is no such container or
   * image. `conflict`: the name is taken, or the container is being removed. `unchanged`: it was so already. `refused`:
   * anything else it said.
   */
  readonly kind: "unreachable" | "missing" | "conflict" | "unchanged" | "refused";

  constructor(kind: EngineError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * What the driver needs of a Docker Engine. Every method rejects with an `EngineError`, and each but those with a `signal`
 * within a time of its own, whatever the Engine does.
 */
export interface ContainerEngine {
  ping(): Promise<void>;
  /** All containers that have these labels, whatever their state. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly Container[]>;
  /** Undefined when there is none. */
  inspect(id: string): Promise<Inspected | undefined>;
  create(name: string, options: ContainerCreateOptions): Promise<{ id: string; warnings: readonly string[] }>;
  /** Starting what runs is no error. */
  start(id: string): Promise<void>;
  /**
   * Sends its stop signal, kills it when its grace is over, and resolves then. The Engine does so even if nobody waits any
   * more. Stopping what is over or gone is no error.
   */
  stop(id: string, graceMs: number): Promise<void>;
  /** Kills it if it runs; removing what is gone is no error. */
  remove(id: string): Promise<void>;
  hasImage(name: string): Promise<boolean>;
  /** Resolves when the image is there. */
  pull(name: string, onMessage: (message: PullMessage) => void, signal: AbortSignal): Promise<void>;
  /**
   * Calls `onEvent` with the id of each container with these labels to which something happened, and what in Docker's
   * words (`kill`, `die`, `destroy`). Resolves once it hears; `ended` resolves when it no longer does.
   */
  events(
    labels: Readonly<Record<string, string>>,
    onEvent: (id: string, what: string) => void,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }>;
  /**
   * What a container writes, as the Engine sends it: see log-frames.ts. Ends with the container, or throws.
   *
   * @param since seconds since the epoch, with up to nine decimals.
   */
  logs(id: string, since: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The last lines it wrote, in the format that log-frames.ts reads. */
  tail(id: string, lines: number): Promise<Uint8Array>;
  /** Bytes of memory in use; null when the Engine does not tell. */
  memory(id: string): Promise<number | null>;
}
