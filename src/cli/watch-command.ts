import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { streamNames } from "../client/streams.ts";
import type { StreamName } from "../contract/streams.ts";
import { type Context, clientCommand, openSession } from "./context.ts";

/** `watch`: the streams, live. */
export function addWatchCommand(program: Command, context: Context): void {
  clientCommand(program, "watch", "watch the server live: resources, deployments, activity, alerts")
    .option("-s, --streams <names>", `only these, separated by commas: ${streamNames.join(", ")}`, streamList)
    .action(async ({ streams, ...options }) => {
      const { watch } = await import("./watch.ts");
      await watch(openSession(options, context), streams ?? streamNames);
    });
}

function streamList(text: string): StreamName[] {
  const names = text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const known = streamNames.find((stream) => stream === name);
    if (known === undefined) throw new InvalidArgumentError(`There is no stream "${name}".`);
    return known;
  });
}
