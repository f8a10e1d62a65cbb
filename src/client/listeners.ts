/** Typed event listeners: `Events` maps each event's name to its payload. */
export class Listeners<Events extends object> {
  readonly #listeners: { [Name in keyof Events]?: Set<(payload: Events[Name]) => void> } = {};

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void): () => void {
    const listeners = this.#listeners[name] ?? new Set();
    this.#listeners[name] = listeners;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Calls every listener. One that throws does not keep the others from being called; its error is reported after. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    for (const listener of this.#listeners[name] ?? []) {
      try {
        listener(payload);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
