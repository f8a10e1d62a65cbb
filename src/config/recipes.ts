import { z } from "zod";
import { RECIPE_KEYS, type Recipe, recipeName, recipeTable } from "./recipe.ts";
import { BLANK, shippedRecipes } from "./shipped-recipes.ts";

/**
 * The recipes in force: those that are shipped, changed and joined by the tables of the config file, by name.
 *
 * A table whose name is a shipped recipe's changes that one; another one says with `extends` which recipe it is based
 * on, or with `driver` that it starts from nothing. What a table gives replaces what was there, lists and `env` as well.
 *
 * @param tables the `runtimes` table of the config file, as it was read.
 * @returns the recipes, or one line that names the table, the key and what is allowed.
 */
export function recipesOf(tables: unknown): readonly Recipe[] | string {
  const recipes = new Map(shippedRecipes.map((recipe) => [recipe.name, recipe]));
  const parsed = z.record(z.string(), z.record(z.string(), z.unknown())).safeParse(tables ?? {});
  if (!parsed.success) return "runtimes must hold tables such as [runtimes.llama-server]";
  for (const [name, table] of Object.entries(parsed.data)) {
    const recipe = recipeOf(name, table, recipes);
    if (typeof recipe === "string") return `runtimes.${name}${recipe}`;
    recipes.set(name, recipe);
  }
  return [...recipes.values()];
}

/** @returns the recipe, or what is wrong with it, to be put behind its name. */
function recipeOf(
  name: string,
  content: Readonly<Record<string, unknown>>,
  known: ReadonlyMap<string, Recipe>,
): Recipe | string {
  if (!recipeName.test(name)) {
    return " is not a name for a runtime: it takes 1 to 64 lower-case letters, digits, '.', '_' and '-'";
  }
  const unknown = Object.keys(content).find((key) => !RECIPE_KEYS.includes(key));
  if (unknown !== undefined) return `.${unknown} is not known; a runtime has ${RECIPE_KEYS.join(", ")}`;
  const table = recipeTable.safeParse(content);
  if (!table.success) {
    const [issue] = table.error.issues;
    return `.${issue?.path.join(".")} ${sentence(issue?.message ?? "is not allowed")}`;
  }
  const { extends: basis, ...given } = table.data;
  const base = known.get(basis ?? name);
  if (basis !== undefined && !base)
    return `.extends names ${basis}, but it must be one of ${[...known.keys()].join(", ")}`;
  const driver = given.driver ?? base?.driver;
  if (driver === undefined) return ` is new, so it needs a driver (process, docker, external) or extends`;
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const recipe: Recipe = { ...BLANK, ...base, ...changes, driver, name };
  // What a container runs is its image's business; there the command is only what follows.
  if (recipe.driver !== "process") return recipe;
  if (Array.isArray(recipe.command[0])) return ".command must begin with the executable, not with a group";
  if (recipe.command[0]?.includes("{")) return ".command must begin with the executable, without placeholders";
  return recipe;
}

/** zod's own messages begin with a capital and say no "must". */
function sentence(message: string): string {
  return /^[a-z]/.test(message) ? message : `is wrong: ${message}`;
}
