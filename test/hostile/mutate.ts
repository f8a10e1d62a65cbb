/** A small generator that can be begun anew at its seed (xorshift32), fast enough for a million packets. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}

/** Characters that mean something to Engine.IO, Socket.IO or JSON, and some that no text should hold. */
const LOADED = ['"', "[", "]", "{", "}", ",", ":", "-", "/", "\\", "\u0000", "\u001e", "\ud800", "é", "9", "e"];
const MAX_LENGTH = 60_000;

/** `text` as somebody breaks it who knows what it is: cut, doubled, mixed with another, or with a character changed. */
export function mutate(random: Random, text: string, corpus: readonly string[]): string {
  let mutated = text;
  for (let times = random.below(3); times >= 0; times--) {
    const at = random.below(mutated.length + 1);
    const kind = random.below(7);
    if (kind === 0) mutated = mutated.slice(0, at);
    else if (kind === 1) mutated = mutated.slice(at);
    else if (kind === 2) mutated = mutated.slice(0, at) + random.pick(LOADED) + mutated.slice(at);
    else if (kind === 3) mutated = mutated.slice(0, at) + random.pick(LOADED) + mutated.slice(at + 1);
    else if (kind === 4) mutated += mutated.slice(0, at);
    else if (kind === 5) mutated = mutated.slice(0, at) + random.pick(corpus).slice(random.below(8));
    else mutated = mutated.slice(0, at) + random.pick(LOADED).repeat(1 + random.below(200)) + mutated.slice(at);
  }
  return mutated.slice(0, MAX_LENGTH);
}
