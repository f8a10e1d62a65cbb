import type { Problem } from "../../contract/index.ts";

/** What a driver is asked to run, from the deployment's record. */
export interface Target {
  /** `dep-123`: how a driver marks what is its own, and finds it again. */
  readonly deploymentId: string;
  readonly modelId: string;
  readonly host: string;
  readonly port: number | null;
  readonly cpuCores: number | null;
  readonly memoryLimit: string | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Why a start or a run is over, for people, and what to do about it. */
export interface Ending {
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** One run of a deployment, from the moment it is begun. */
export interface Instance {
  /** Where it answers, or will. */
  readonly host: string;
  readonly port: number;
  /** Of a container, once there is one. */
  readonly containerId?: string | undefined;
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
  /** What `GET /runtimes` and runtime definitions call it. */
  readonly kind: string;
  /**
   * Why nothing can be started with it on this machine now; null when it can. Asked with every request, so a driver
   * that has to look for something keeps the answer itself.
   */
  unavailable(): string | null;
  /** What is wrong with a new deployment, field by field; empty when it can be started. */
  check(target: Omit<Target, "deploymentId">): NonNullable<Problem["errors"]>;
  /**
   * Begins a run and returns at once; whatever goes wrong later is told by `ended`. If an earlier run of the server
   * left something of this deployment behind, it is taken over or ended first, so that there is never a second one.
   */
  start(target: Target, hooks: Hooks): Instance;
  /** Takes over what an earlier run of the server left running, and never starts anything: `ended` if it is gone. */
  adopt(target: Target, hooks: Hooks): Instance;
}
