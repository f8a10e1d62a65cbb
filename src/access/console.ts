import { userInfo } from "node:os";
import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import {
  type Actor,
  type CreatedToken,
  type CreateToken,
  createToken,
  ProblemError,
  type Token,
} from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import { scopesOf } from "./caller.ts";
import { isOpen } from "./open.ts";
import { Tokens } from "./tokens.ts";

/** The tokens of a data directory, for who can write it: they need no token themselves. */
export class ConsoleTokens implements Disposable {
  readonly #store: Disposable;
  readonly #tokens: Tokens;
  readonly #actor: Actor;

  /** @param parts.store is closed with this. */
  constructor(parts: { config: Config; store: Store; activities: Pick<Activities, "record">; clock: Clock }) {
    const { config } = parts;
    this.#store = parts.store;
    this.#tokens = new Tokens({
      ...parts,
      spareAdmin: isOpen(config) || config.authToken !== undefined,
      onError(error) {
        throw error;
      },
    });
    this.#actor = { kind: "console", name: userName(), role: "admin", address: null };
  }

  list(query: { before?: string | undefined; limit: number }) {
    return this.#tokens.list(query);
  }

  /** @throws ProblemError as `Tokens.create`, and `validation_failed`. */
  create(input: CreateToken): CreatedToken {
    const by = { scopes: scopesOf({ role: "admin", scopes: null }), actor: this.#actor };
    const parsed = createToken.safeParse(input);
    if (parsed.success) return this.#tokens.create(parsed.data, by);
    const wrong = parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; ");
    throw new ProblemError("validation_failed", `The token cannot be made like this: ${wrong}.`);
  }

  /** @throws ProblemError as `Tokens.revoke`. */
  revoke(tokenId: string, force: boolean): Token {
    return this.#tokens.revoke(tokenId, { force, actor: this.#actor });
  }

  [Symbol.dispose](): void {
    this.#tokens[Symbol.dispose]();
    this.#store[Symbol.dispose]();
  }
}

/** Who sits at the console, as the system calls them. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that no name belongs to.
    return "console";
  }
}
