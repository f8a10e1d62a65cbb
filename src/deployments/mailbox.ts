/**
 * Steps that must not interleave: each runs to its end before the next begins, in the order they were handed in.
 *
 * Steps are synchronous, so one runs at once unless it is handed in from within another one: by a listener of the bus
 * that answers a push with a command. Only such steps ever wait, which keeps the queue as short as that chain.
 */
export class Mailbox {
  readonly #queue: (() => void)[] = [];
  #busy = false;

  /** Resolves with what `work` returns, or with what the promise it returns resolves with; that one is not waited for. */
  step<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      if (this.#busy) return;
      this.#busy = true;
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) next();
      this.#busy = false;
    });
  }
}
