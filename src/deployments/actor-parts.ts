import type { Clock } from "../clock.ts";
import type { Model } from "../contract/index.ts";
import type { Ports } from "./ports/ports.ts";
import type { ProbeFactory } from "./probe.ts";
import type { ReleaseParts } from "./release.ts";
import type { DeploymentRepository } from "./repository.ts";
import type { Runtimes } from "./runtimes.ts";

/** What the actors of all deployments share. */
export interface ActorParts {
  readonly repository: DeploymentRepository;
  readonly runtimes: Runtimes;
  readonly probes: ProbeFactory;
  readonly ports: Ports;
  readonly release: ReleaseParts;
  readonly clock: Clock;
  /** From 0 up to 1: the jitter of restarts. */
  readonly random: () => number;
  readonly modelSource: (modelId: string) => string;
  /** How big a model is, in bytes; null when that is not known. */
  readonly modelBytes: (model: Model) => number | null;
  readonly model: (modelId: string) => Model;
  /** What its engine wrote last, oldest first. */
  readonly lastLines: () => readonly string[];
  readonly onRemoved: (id: number) => void;
  /** A background step failed; it is tried again. */
  readonly onError: (error: unknown) => void;
}
