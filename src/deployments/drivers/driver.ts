import type { Recipe } from "../../config/recipe.ts";
import type { Problem } from "../../contract/index.ts";

/** What a caller asks of a deployment, besides the runtime. */
export interface Wanted {
  readonly modelId: string;
  readonly host: string;
  /** Where it is to answer; null before one is chosen. */
  readonly port: number | null;
  readonly cpuCores: number | null;
  readonly memoryLimit: string | null;
  /** Indices of the devices it may use; null leaves that to the engine, none at all means CPU only. */
  readonly gpus: readonly number[] | null;
  readonly contextLength: number | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Which run of which deployment is meant: from the deployment's record. */
export interface Target extends Wanted {
  /** `dep-123`: how a driver marks what is its own, and finds it again. */
  readonly deploymentId: string;
  /**
   * When the start that is asked for was stored, in milliseconds. It tells the runs of a deployment apart: what runs for
   * an earlier one is left over from before a restart that was interrupted.
   */
  readonly startedAt: number | null;
}

export interface Limits {
  readonly cpuCores: number | null;
  readonly memoryBytes: number | null;
  readonly gpus: readonly number[] | null;
}

/** How a run is asked to end, and how long it has for that before it is killed. */
export interface StopPolicy {
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
}

/** A file or directory of this machine that a container sees. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What a container is made of, besides what every kind of run has. */
export interface ContainerLaunch {
  /** Replaces the image's own; null keeps that. */
  readonly entrypoint: readonly string[] | null;
  readonly network: string;
  /** The port it listens at inside, and the address of this machine where it is published; null on this machine's network. */
  readonly publish: { readonly inside: number; readonly address: string } | null;
  readonly mounts: readonly Mount[];
  readonly devices: readonly string[];
  /** Whether it gets all NVIDIA devices when the limits name none. */
  readonly allGpus: boolean;
  /** Bytes; null for Docker's default. */
  readonly shmBytes: number | null;
  readonly user: string | null;
  readonly pull: "missing" | "always" | "never";
}

/** What a driver starts: a recipe with every placeholder filled in. Nothing in it is read by a shell. */
export interface Launch {
  readonly runtime: string;
  /** The address to reach it at, and the port; the engine was told both. */
  readonly host: string;
  readonly port: number;
  /** For `process` the absolute path of the executable and its arguments; for `docker` the command in the container. */
  readonly argv: readonly string[];
  /** All of its environment for `process`, what is added to the image's for `docker`. */
  readonly env: Readonly<Record<string, string>>;
  readonly image: string | null;
  /** Null for any driver but `docker`. */
  readonly container: ContainerLaunch | null;
  readonly workingDirectory: string | null;
  /** The model's file or directory on this machine; null when it has none. */
  readonly modelPath: string | null;
  readonly limits: Limits;
  readonly stop: StopPolicy;
}

/** Why a start or a run is over, for people, and what to do about it; and the facts that say so, where there are any. */
export interface Ending {
  readonly reason: string;
  readonly hint?: string | undefined;
  /** Null or left out when it ended by a signal, or when nobody saw it. */
  readonly exitCode?: number | null | undefined;
  /** `SIGKILL`, …, when a signal ended it. */
  readonly signal?: string | null | undefined;
  /** Whether the kernel or the container engine killed it for its memory; null when that cannot be known. */
  readonly oom?: boolean | null | undefined;
  /** Whether it is only that a start took too long. */
  readonly timedOut?: boolean | undefined;
  /** Whether it was ended, or kept from starting, by what is around it: what it wrote last does not say why. */
  readonly outside?: boolean | undefined;
  /** The last lines it wrote, oldest first. */
  readonly lastLines?: readonly string[] | undefined;
}

/** One run of a deployment, from the moment it is begun. */
export interface Instance {
  /** Where it answers, or will. */
  readonly host: string;
  readonly port: number;
  /** Of a container, once there is one. */
  readonly containerId?: string | undefined;
  /** Of a process of this machine, once there is one. */
  readonly pid?: number | undefined;
  /** What was asked for and cannot be had on this machine, one sentence each. */
  readonly warnings?: readonly string[] | undefined;
  /** What a start is at, while it is known; percent is null where it is not. */
  readonly progress?: { readonly step: string; readonly percent: number | null } | undefined;
  /**
   * Resolves when what an earlier run left at its address is gone: until then an answer there says nothing of this run.
   * Left out where nothing can be left.
   */
  readonly begun?: Promise<void> | undefined;
  /** Resolves when it is over without `stop`: it could not be started, or it ended. Never rejects. */
  readonly ended: Promise<Ending>;
  /**
   * Ends it, at any moment of its life, and resolves when nothing of it is left; rejects only when that cannot be
   * brought about. Undefined when there is nothing to wait for.
   */
  stop(): Promise<void> | undefined;
  /** Lets go of it without ending it, when the server shuts down. */
  release(): void;
}

export interface Hooks {
  /** Something moved: a log line, bytes read, memory growth. It postpones the start's deadline. */
  readonly onProgress: () => void;
}

/** A way to bring a model up. Everything that is true of one kind only stays behind this. */
export interface Driver {
  /** What recipes and `GET /runtimes` call it. */
  readonly kind: Recipe["driver"];
  /**
   * Why nothing can be started with `recipe` on this machine now; null when it can. Asked with every request, so a driver
   * that has to look for something keeps the answer itself.
   */
  unavailable(recipe: Recipe): string | null;
  /** What is wrong with a new deployment, field by field; empty when it can be started. */
  check(wanted: Wanted): NonNullable<Problem["errors"]>;
  /**
   * Begins a run and returns at once; whatever goes wrong later is told by `ended`. If an earlier run of the server left
   * something of this deployment behind, it is taken over when it is the same run, else it is ended first, so that there
   * is never a second one.
   *
   * `launch` is asked only when something has to be started; what it throws is how the run ended.
   */
  start(target: Target, launch: () => Launch, hooks: Hooks): Instance;
  /** Takes over what an earlier run of the server left running, and never starts anything: `ended` if it is gone. */
  adopt(target: Target, hooks: Hooks): Instance;
  /** Whether something of this deployment is there that an earlier run of the server left; for a recipe that is gone. */
  holds?(deploymentId: string): boolean;
  /**
   * Ends what earlier runs of the server left behind of any deployment but those in `keep` (`dep-123`), once, after a
   * start of the server. Resolves when it is gone.
   */
  sweep(keep: ReadonlySet<string>): Promise<void>;
}
