import type { Model } from "../../contract/index.ts";
import type { DeploymentRecord } from "../record.ts";
import type { DeploymentRepository } from "../repository.ts";
import type { FitCheck, FitFinding } from "./fit-check.ts";

type Looked = Pick<DeploymentRecord, "modelId" | "runtime" | "contextLength" | "gpus">;

interface StartWarningsParts {
  /** Nothing is looked at without. */
  readonly check: FitCheck | undefined;
  /** Whether deployments of a runtime run on this machine. */
  readonly isManaged: (runtime: string) => boolean;
  readonly model: (modelId: string) => Model;
  /** Whether a deployment has not been removed. */
  readonly isThere: (record: DeploymentRecord) => boolean;
  readonly repository: Pick<DeploymentRepository, "warn">;
  readonly log: { error(message: string, properties: Record<string, unknown>): void };
}

/** What spoke against the last start of each deployment; kept in memory until the next one. */
export class StartWarnings implements Disposable {
  readonly #parts: StartWarningsParts;
  readonly #warnings = new Map<number, string>();
  #disposed = false;

  constructor(parts: StartWarningsParts) {
    this.#parts = parts;
  }

  of({ id }: DeploymentRecord): string | undefined {
    return this.#warnings.get(id);
  }

  set({ id }: DeploymentRecord, warning: string): void {
    this.#warnings.set(id, warning);
  }

  delete(id: number): void {
    this.#warnings.delete(id);
  }

  /**
   * What speaks against a start, within 5 s. What somebody else runs is not looked at.
   *
   * @throws ProblemError `validation_failed` for a model that there is not.
   */
  async lookAt(wanted: Looked): Promise<FitFinding | undefined> {
    const { check, isManaged, model } = this.#parts;
    return check && isManaged(wanted.runtime) ? check(model(wanted.modelId), wanted) : undefined;
  }

  /** Tells what was found, once the start that it is about is accepted. Never throws. */
  async tellAfter(started: Promise<unknown>, record: DeploymentRecord, looked: Promise<FitFinding | undefined>) {
    const { isThere, repository, log } = this.#parts;
    try {
      const [start, found] = await Promise.allSettled([started, looked]);
      if (found.status === "rejected") throw found.reason;
      if (start.status === "rejected" || this.#disposed || !isThere(record)) return;
      this.#warnings.delete(record.id);
      const warning = found.value?.warning;
      if (warning === undefined) return;
      repository.warn(record, warning);
      this.#warnings.set(record.id, warning);
    } catch (error) {
      log.error("{deployment_id}: a warning is lost: {error}", { deployment_id: record.deploymentId, error });
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
  }
}
