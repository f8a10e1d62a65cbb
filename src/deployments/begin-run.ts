import type { ActorParts } from "./actor-parts.ts";
import { questionsOf } from "./engine/questions.ts";
import type { Mailbox } from "./mailbox.ts";
import type { DeploymentRecord } from "./record.ts";
import { Run, type RunListener } from "./run.ts";

/** Multiples of it fall evenly over 0 to 1 (the golden ratio's fraction), so neighbouring ids probe at other times. */
const SPREAD = 0.618033988749895;

/**
 * Has the driver start or find the deployment, to be watched as its record and its recipe say.
 *
 * @throws whatever the driver throws.
 */
export function beginRun(
  how: "start" | "adopt",
  record: DeploymentRecord,
  parts: ActorParts,
  mailbox: Mailbox,
  listener: RunListener,
): Run {
  const { runtimes, probes, clock, modelBytes, onError } = parts;
  const { check, id, modelId, runtime } = record;
  const model = parts.model(modelId);
  return new Run({
    begin: (hooks) =>
      how === "start" ? runtimes.start(runtime, record, model, hooks) : runtimes.adopt(runtime, record, hooks),
    probes,
    check,
    questions: questionsOf(runtimes.recipe(runtime), check),
    modelId,
    modelBytes: modelBytes(model),
    clock,
    phase: (id * SPREAD) % 1,
    mailbox,
    listener,
    onError,
  });
}
