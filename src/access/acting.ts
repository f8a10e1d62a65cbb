import { AsyncLocalStorage } from "node:async_hooks";
import type { Actor } from "../contract/index.ts";
import { actorOf, type Caller } from "./caller.ts";

interface Command {
  readonly actor: Actor;
  /** Over once it is answered; what it set in motion goes on by itself from then on. */
  over: boolean;
  told: boolean;
}

/**
 * Who is being served right now, for the history. It follows the work a request does without being handed through every
 * noun, and ends with the request: what a deployment does an hour after it was started is nobody's command.
 */
export class Acting {
  readonly #commands = new AsyncLocalStorage<Command>();

  /** The actor of the command under way, if there is one; whoever asks writes it into the history. */
  readonly actor = (): Actor | undefined => {
    const command = this.#commands.getStore();
    if (!command || command.over) return undefined;
    command.told = true;
    return command.actor;
  };

  /** Runs `work` as `caller`'s command; `told` says whether the history knows by then who did it. */
  async during(caller: Caller, work: (told: () => boolean) => Promise<void>): Promise<void> {
    const command: Command = { actor: actorOf(caller), over: false, told: false };
    try {
      await this.#commands.run(command, () => work(() => command.told));
    } finally {
      command.over = true;
    }
  }
}
