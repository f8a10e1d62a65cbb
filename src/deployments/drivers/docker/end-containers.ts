import type { ContainerEngine, Inspected } from "./container-engine.ts";
import { EngineError } from "./container-engine.ts";
import { type Patience, patiently, pause } from "./patience.ts";

/** While the Engine is removing one, or could not yet. */
const AGAIN_MS = 200;
/** So often it may say that it can't, at these intervals; then it is for a person to look. */
const REFUSALS = 10;

/** Lets whoever reads a container's output have the last of it, before it is removed. */
export type BeforeRemoval = () => Promise<void>;

/**
 * Stops and removes a container and resolves when it is gone, whatever state it is in.
 *
 * @throws Abandoned; EngineError when the Engine can't.
 */
export async function endContainer(
  id: string,
  engine: ContainerEngine,
  patience: Patience,
  beforeRemoval: BeforeRemoval = async () => {},
): Promise<void> {
  for (let refused = 0; ; ) {
    const container = await patiently(patience, () => engine.inspect(id));
    if (!container) return;
    try {
      await end(container, engine, beforeRemoval);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.kind === "refused" && ++refused >= REFUSALS) throw error;
    }
    // Looked at again in any case: only what is not there any more is gone.
    if (await patiently(patience, () => engine.inspect(id))) await pause(patience.clock, AGAIN_MS, patience.signal);
  }
}

async function end({ id, state, graceMs }: Inspected, engine: ContainerEngine, beforeRemoval: BeforeRemoval) {
  if (state === "running") await engine.stop(id, graceMs);
  await beforeRemoval();
  await engine.remove(id);
}
