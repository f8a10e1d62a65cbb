import type { Command } from "@commander-js/extra-typings";
import type { DeploymentFit } from "../contract/fit.ts";
import { type Context, clientCommand, openSession, type Session } from "./context.ts";
import { bytes } from "./format.ts";
import { given, number } from "./options.ts";
import { show } from "./show.ts";
import { details } from "./table.ts";
import { NOTHING } from "./text.ts";

/** `deployments fit`. */
export function addFit(deployments: Command, context: Context): void {
  clientCommand(deployments, "fit", "estimate whether a model fits into memory, without starting it")
    .argument("<model-id>")
    .option("--context-length <tokens>", "tokens to make room for (what the model was trained for)", number)
    .action(async (modelId, { contextLength, ...options }) => {
      const session = openSession(options, context);
      const fit = await session.api.deployments.fit({
        model_id: modelId,
        ...given({ context_length: contextLength }),
      });
      show(session, fit, () => lines(fit, session));
    });
}

function lines(fit: DeploymentFit, { output }: Session): string[] {
  const size = (count: number | null) => (count === null ? NOTHING : bytes(count));
  return [
    `${fit.message}.`,
    ...details(
      [
        ["needed", `about ${bytes(fit.needed_bytes)}`],
        ["weights", bytes(fit.weights_bytes)],
        ["KV cache", size(fit.kv_cache_bytes)],
        ["context", `${fit.context_length} tokens`],
        ["free memory", size(fit.memory_free_bytes)],
        ["free GPU memory", size(fit.gpu_memory_free_bytes)],
      ],
      output.paint,
    ),
  ];
}
