import type { Target } from "../driver.ts";

/**
 * How our containers are told from everybody else's, and from those of another server on the same Engine. Only what has
 * the first label, with our own identity, is ever looked at.
 */
const OWNER = "llm-manager.data-dir";
const DEPLOYMENT = "llm-manager.deployment";
const START = "llm-manager.start";

/** Which of a deployment's runs a container is. */
export interface Marks {
  readonly deploymentId: string;
  /** The `startedAt` that it serves. */
  readonly startedAt: number | null;
}

/** @param owner the identity of this server's data directory. */
export function labelsOf(owner: string, { deploymentId, startedAt }: Marks): Record<string, string> {
  return { [OWNER]: owner, [DEPLOYMENT]: deploymentId, [START]: String(startedAt) };
}

/** What all of our containers have, or all of a deployment's. */
export function ownLabels(owner: string, deploymentId?: string): Record<string, string> {
  return { [OWNER]: owner, ...(deploymentId !== undefined && { [DEPLOYMENT]: deploymentId }) };
}

export function deploymentOf(labels: Readonly<Record<string, string>>): string | undefined {
  return labels[DEPLOYMENT];
}

/** Whether a container is the run that is meant, and not one from before a restart. */
export function isSameRun(labels: Readonly<Record<string, string>>, { startedAt }: Pick<Target, "startedAt">): boolean {
  return labels[START] === String(startedAt);
}

/** One name for each deployment: the Engine lets no second container have it, whoever asks. */
export function nameOf(owner: string, deploymentId: string): string {
  return `llm-manager-${owner}-${deploymentId}`;
}
