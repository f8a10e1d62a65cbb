import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";

/** Milliseconds over which attempts are gathered after the first. */
const GATHER_MS = 60_000;

/** Addresses that get a line of their own within that time; what comes from others is counted together. */
const MAX_ADDRESSES = 10;

/**
 * Attempts with a secret that does not let anybody in, in the history. The first from an address is told at once, the
 * rest of its minute in one line, so that nobody can fill the history: at most 21 lines a minute.
 */
export class FailedSignIns implements Disposable {
  readonly #store: Store;
  readonly #activities: Pick<Activities, "record">;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #more = new Map<string, number>();
  #others = 0;
  #due: Disposable | undefined;

  constructor(parts: {
    store: Store;
    activities: Pick<Activities, "record">;
    clock: Clock;
    onError: (error: unknown) => void;
  }) {
    this.#store = parts.store;
    this.#activities = parts.activities;
    this.#clock = parts.clock;
    this.#onError = parts.onError;
  }

  note(address: string): void {
    const more = this.#more.get(address);
    if (more !== undefined) this.#more.set(address, more + 1);
    else if (this.#more.size >= MAX_ADDRESSES) this.#others++;
    else {
      this.#more.set(address, 0);
      this.#tell([{ message: `Somebody at ${address || "an unknown address"} was refused`, address, attempts: 1 }]);
    }
    this.#due ??= this.#clock.after(GATHER_MS, () => this.#flush());
  }

  [Symbol.dispose](): void {
    this.#flush();
  }

  #flush(): void {
    this.#due?.[Symbol.dispose]();
    this.#due = undefined;
    const lines = [...this.#more]
      .filter(([, attempts]) => attempts > 0)
      .map(([address, attempts]) => ({
        message: `${attempts} more attempts from ${address || "an unknown address"} were refused`,
        address,
        attempts,
      }));
    if (this.#others > 0) {
      lines.push({
        message: `${this.#others} attempts from other addresses were refused`,
        address: "",
        attempts: this.#others,
      });
    }
    this.#more.clear();
    this.#others = 0;
    if (lines.length > 0) this.#tell(lines);
  }

  /** What cannot be written is reported and forgotten: an attempt is no reason to fail. */
  #tell(lines: readonly { message: string; address: string; attempts: number }[]): void {
    try {
      this.#store.write((tx) => {
        for (const { message, address, attempts } of lines) {
          this.#activities.record(tx, {
            activity_type: "user_operation",
            message: `${message}: not a valid token`,
            severity: "warning",
            resource_type: "access",
            resource_id: null,
            extra_data: { address: address || null, attempts },
          });
        }
      });
    } catch (error) {
      this.#onError(error);
    }
  }
}
