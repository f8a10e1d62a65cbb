import { ProblemError, type Runtime } from "../contract/index.ts";
import type { Driver } from "./drivers/driver.ts";
import { drivers } from "./drivers/drivers.ts";

/** A named way to deploy, as the operator offers it: what `runtime` of a new deployment names. */
export interface RuntimeDefinition {
  readonly name: string;
  readonly description: string;
  readonly driver: Driver;
}

/** Always there, whatever else an operator defines. */
export const EXTERNAL: RuntimeDefinition = {
  name: "external",
  description: "An OpenAI-compatible HTTP endpoint that already runs; its health is watched",
  driver: drivers.external,
};

/** The runtimes a deployment can name. */
export class Runtimes {
  readonly #byName: ReadonlyMap<string, RuntimeDefinition>;

  constructor(definitions: readonly RuntimeDefinition[] = [EXTERNAL]) {
    this.#byName = new Map(definitions.map((definition) => [definition.name, definition]));
  }

  /** By name, with whether a deployment can start here now. */
  list(): Runtime[] {
    return [...this.#byName.values()].map(({ name, driver, description }) => {
      const reason = driver.unavailable();
      return { name, driver: driver.kind, description, available: reason === null, reason };
    });
  }

  /**
   * The driver of a runtime that can be used now.
   *
   * @throws ProblemError `validation_failed` for an unknown name, `runtime_unavailable`.
   */
  require(name: string): Driver {
    const definition = this.#byName.get(name);
    if (!definition) {
      const known = [...this.#byName.keys()].join(", ");
      throw new ProblemError("validation_failed", `There is no runtime ${name}.`, [
        { field: "runtime", message: `must be one of: ${known}` },
      ]);
    }
    const reason = definition.driver.unavailable();
    if (reason !== null)
      throw new ProblemError("runtime_unavailable", `Runtime ${name} cannot be used here: ${reason}.`);
    return definition.driver;
  }
}
