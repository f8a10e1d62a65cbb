import type { Recipe } from "../config/recipe.ts";
import { type Model, type Problem, ProblemError, type Runtime } from "../contract/index.ts";
import type { Driver, Hooks, Instance, Target, Wanted } from "./drivers/driver.ts";
import { callerErrors } from "./recipes/caller-input.ts";
import type { Executables } from "./recipes/executables.ts";
import { modelErrors, resolveLaunch } from "./recipes/launch.ts";

export interface RuntimesParts {
  readonly recipes: readonly Recipe[];
  /** One of each kind that this server can use; a recipe of another kind is listed and cannot be started. */
  readonly drivers: readonly Driver[];
  readonly executables: Pick<Executables, "find">;
  /** What an engine inherits of this server's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The runtimes a deployment can name: the operator's recipes, each carried out by its driver. */
export class Runtimes {
  readonly #parts: RuntimesParts;
  readonly #recipes: ReadonlyMap<string, Recipe>;
  readonly #drivers: ReadonlyMap<string, Driver>;

  constructor(parts: RuntimesParts) {
    this.#parts = parts;
    this.#recipes = new Map(parts.recipes.map((recipe) => [recipe.name, recipe]));
    this.#drivers = new Map(parts.drivers.map((driver) => [driver.kind, driver]));
  }

  /** By name, with whether a deployment can start here now. */
  list(): Runtime[] {
    return [...this.#recipes.values()].map((recipe) => {
      const reason = this.#unavailable(recipe);
      const { name, driver, description, engine, allowed_args, allowed_env } = recipe;
      return {
        name,
        driver,
        description,
        available: reason === null,
        reason,
        engine,
        allowed_args: [...allowed_args],
        allowed_env: [...allowed_env],
      };
    });
  }

  /** The recipe of a name, whether it can be used now or not; undefined when there is none (any more). */
  recipe(name: string): Recipe | undefined {
    return this.#recipes.get(name);
  }

  /**
   * The recipe of a runtime that can be used now.
   *
   * @throws ProblemError `validation_failed` for an unknown name, `runtime_unavailable`.
   */
  require(name: string): Recipe {
    const recipe = this.#recipes.get(name);
    if (!recipe) {
      const known = [...this.#recipes.keys()].join(", ");
      throw new ProblemError("validation_failed", `There is no runtime ${name}.`, [
        { field: "runtime", message: `must be one of: ${known}` },
      ]);
    }
    const reason = this.#unavailable(recipe);
    if (reason !== null)
      throw new ProblemError("runtime_unavailable", `Runtime ${name} cannot be used here: ${reason}.`);
    return recipe;
  }

  /**
   * What is wrong with a new deployment, field by field; empty when it can be started.
   *
   * @throws as `require`.
   */
  check(name: string, wanted: Wanted, model: Model): NonNullable<Problem["errors"]> {
    const recipe = this.require(name);
    const errors = this.#driver(recipe).check(wanted);
    // What somebody else runs takes no arguments and loads no model for us.
    if (recipe.driver === "external") return errors;
    return [...errors, ...callerErrors(recipe, wanted), ...modelErrors(recipe, wanted, model)];
  }

  /**
   * Begins a run, or takes over the same one that an earlier run of the server left.
   *
   * @throws ProblemError when there is no such runtime any more; everything else is told by the instance's `ended`.
   */
  start(name: string, target: Target, model: Model, hooks: Hooks): Instance {
    const recipe = this.#recipes.get(name) ?? this.require(name);
    const launch = () => {
      this.require(name);
      const [program] = recipe.command;
      const executable = typeof program === "string" ? this.#parts.executables.find(program) : undefined;
      return resolveLaunch(recipe, target, model, { executable, environment: this.#parts.environment });
    };
    return this.#driver(recipe).start(target, launch, hooks);
  }

  /**
   * Takes over what runs, and never starts anything. A recipe that the operator has taken out meanwhile does not make a
   * process unknown: then each driver is asked, as what it left says whose it is.
   *
   * @throws ProblemError when nobody can know of it.
   */
  adopt(name: string, target: Target, hooks: Hooks): Instance {
    const recipe = this.#recipes.get(name);
    const driver = recipe
      ? this.#driver(recipe)
      : this.#parts.drivers.find(({ holds }) => holds?.(target.deploymentId) === true);
    if (!driver) throw new ProblemError("validation_failed", `There is no runtime ${name} any more.`);
    return driver.adopt(target, hooks);
  }

  /** Ends what earlier runs of the server left behind of any deployment but those in `keep`, and resolves when it is gone. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.sweep(keep)));
  }

  #driver(recipe: Recipe): Driver {
    const driver = this.#drivers.get(recipe.driver);
    if (!driver) throw new ProblemError("runtime_unavailable", `There is no driver ${recipe.driver} here.`);
    return driver;
  }

  #unavailable(recipe: Recipe): string | null {
    const driver = this.#drivers.get(recipe.driver);
    return driver ? driver.unavailable(recipe) : `this server has no driver ${recipe.driver}`;
  }
}
