import type { Ending, Launch, Target } from "../driver.ts";
import { type Container, type ContainerEngine, EngineError } from "./container-engine.ts";
import { containerOptions } from "./container-options.ts";
import { endContainer } from "./end-containers.ts";
import { imageMissing, NO_IMAGE, nameTaken, neverPulled, REMOVED, refusal } from "./endings.ts";
import { isSameRun, labelsOf, nameOf, ownLabels } from "./marks.ts";
import type { Owner } from "./owner.ts";
import { type Patience, patiently } from "./patience.ts";
import { type Pulled, PullProgress } from "./pull-progress.ts";

export interface Pull {
  readonly image: string;
  readonly pulled: Pulled;
}

export interface BringParts {
  readonly engine: ContainerEngine;
  readonly owner: Owner;
  readonly target: Target;
  readonly patience: Patience;
  /** Without it nothing is started. */
  readonly launch: (() => Launch) | undefined;
  /** Something is about to be started, for the first time. */
  readonly onLaunch: () => void;
  /** There is one, and it is about to be started, if it has not been. */
  readonly onContainer: (id: string) => void;
  readonly onWarnings: (warnings: readonly string[]) => void;
  /** Undefined when it is over. */
  readonly onPull: (pull: Pull | undefined) => void;
}

/** The container of a run, or why there is none. */
export type Brought =
  | { readonly id: string; readonly found: Container["state"]; readonly ending?: undefined }
  | { readonly ending: Ending; readonly id?: undefined; readonly found?: undefined };

/** After so many tries to create one in vain it is not a race any more. */
const TRIES = 5;

/**
 * Makes sure that there is the one container of a run, and that it was started: takes over what an earlier server left of
 * the same run, ends what is left of others, and else creates it. Every step can be repeated, so it does not matter
 * after which one this server, or the Engine, was killed: the name keeps a second one from being made, and a container that
 * is started twice runs once.
 *
 * @throws Abandoned; whatever `launch` throws; EngineError for what cannot be helped.
 */
export async function bringContainer(parts: BringParts): Promise<Brought> {
  const { engine, owner, target, patience, launch } = parts;
  // Without an owner there has never been a container.
  if (owner.known() === undefined && !launch) return { ending: REMOVED };
  const id = owner.require();
  const name = nameOf(id, target.deploymentId);
  let wanted: Launch | undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    const left = await patiently(patience, () => engine.list(ownLabels(id, target.deploymentId)));
    const mine = launch ? left.find(({ labels }) => isSameRun(labels, target)) : left[0];
    await Promise.all(left.filter((other) => other !== mine).map((other) => endContainer(other.id, engine, patience)));
    if (mine) {
      parts.onContainer(mine.id);
      return await started(mine, parts);
    }
    if (!launch) return { ending: REMOVED };
    if (!wanted) {
      wanted = launch();
      parts.onLaunch();
    }
    const { image, container } = wanted;
    if (image === null || container === null) return { ending: NO_IMAGE };
    const missing = await withImage(image, container.pull, parts);
    if (missing) return { ending: missing };
    if (patience.signal.aborted) break;
    try {
      const options = containerOptions({ ...wanted, image, container }, labelsOf(id, target));
      const { warnings } = await engine.create(name, options);
      parts.onWarnings(warnings);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.kind === "conflict" && left.length === 0 && tries > 0) return { ending: nameTaken(name) };
      // Without an answer it may have been made nevertheless: looked for in the next turn, as is who was faster.
      if (error.kind === "refused" || error.kind === "missing") return { ending: refusal(error.message) };
    }
  }
  return { ending: nameTaken(name) };
}

async function started(container: Container, { engine, patience, launch, onLaunch }: BringParts): Promise<Brought> {
  if (container.state !== "created") return { id: container.id, found: container.state };
  // Made, and never started: without being asked to start anything this is as good as nothing.
  if (!launch) return { ending: REMOVED };
  onLaunch();
  try {
    await patiently(patience, () => engine.start(container.id));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { ending: error.kind === "missing" ? REMOVED : refusal(error.message) };
  }
  return { id: container.id, found: "created" };
}

/** @returns why it can't be had; undefined when it is there. */
async function withImage(
  image: string,
  policy: NonNullable<Launch["container"]>["pull"],
  { engine, patience, onPull }: BringParts,
): Promise<Ending | undefined> {
  const there = await patiently(patience, () => engine.hasImage(image));
  if (policy === "never") return there ? undefined : neverPulled(image);
  if (policy === "missing" && there) return undefined;
  const progress = new PullProgress();
  const tell = () => onPull({ image, pulled: progress.pulled });
  tell();
  try {
    await patiently(patience, () => engine.pull(image, (message) => progress.add(message) && tell(), patience.signal));
    return undefined;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // A registry that is away is no reason not to use what is there.
    return there ? undefined : imageMissing(image, error.message);
  } finally {
    onPull(undefined);
  }
}
