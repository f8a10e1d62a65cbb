import { type Clock, every } from "../clock.ts";
import type { AccessEnded } from "../contract/index.ts";
import type { Caller } from "./caller.ts";

/** How often it is looked whose time is over: twice within the second in which an end must be noticed. */
const LOOK_EVERY_MS = 500;

/** Something that goes on on a caller's behalf, and how to end it. */
export interface LiveThing {
  end(why: AccessEnded): void;
}

interface Group {
  readonly caller: Caller;
  readonly things: Set<LiveThing>;
}

/** What callers have open, so that it ends with what let them in. Looks at the clock only while something is open. */
export class LiveCallers implements Disposable {
  readonly #clock: Clock;
  readonly #holds: (caller: Caller) => boolean;
  readonly #onUse: (caller: Caller) => void;
  readonly #onError: (error: unknown) => void;
  /** By the caller's id: a token that is used by a thousand sockets is looked at once. */
  readonly #groups = new Map<string, Group>();
  #watch: Disposable | undefined;

  /**
   * @param parts.holds says whether what let a caller in still does.
   * @param parts.onUse is told twice a second who has something open: an open connection is a use.
   */
  constructor(parts: {
    clock: Clock;
    holds: (caller: Caller) => boolean;
    onUse: (caller: Caller) => void;
    onError: (error: unknown) => void;
  }) {
    this.#clock = parts.clock;
    this.#holds = parts.holds;
    this.#onUse = parts.onUse;
    this.#onError = parts.onError;
  }

  /** Ends it at once where the caller's time was over before it began. @returns what takes it off again. */
  add(caller: Caller, thing: LiveThing): Disposable {
    if (!this.#holds(caller)) {
      thing.end({ code: "token_revoked", message: "What let you in was revoked." });
      return { [Symbol.dispose]() {} };
    }
    const group = this.#groups.get(caller.id) ?? { caller, things: new Set() };
    this.#groups.set(caller.id, group);
    group.things.add(thing);
    this.#watch ??= every(this.#clock, LOOK_EVERY_MS, () => this.#look(), this.#onError);
    return {
      [Symbol.dispose]: () => {
        group.things.delete(thing);
        if (group.things.size > 0) return;
        if (this.#groups.get(caller.id) === group) this.#groups.delete(caller.id);
        if (this.#groups.size === 0) this[Symbol.dispose]();
      },
    };
  }

  /** Ends everything of the callers that `which` picks. */
  end(which: (caller: Caller) => boolean, why: AccessEnded): void {
    for (const { caller, things } of [...this.#groups.values()]) {
      if (!which(caller)) continue;
      for (const thing of [...things]) thing.end(why);
    }
  }

  #look(): void {
    const now = this.#clock.now();
    this.end(({ expiresAt, kind }) => kind === "token" && over(expiresAt, now), {
      code: "token_expired",
      message: "The token has expired; connect again with another one.",
    });
    this.end(({ expiresAt, kind }) => kind === "session" && over(expiresAt, now), {
      code: "session_expired",
      message: "The session is over; sign in again.",
    });
    for (const { caller } of this.#groups.values()) this.#onUse(caller);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}

function over(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}
