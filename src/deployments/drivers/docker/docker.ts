import type { Clock } from "../../../clock.ts";
import type { Recipe } from "../../../config/recipe.ts";
import type { Driver, Hooks, Instance, Launch, Target, Wanted } from "../driver.ts";
import { Availability } from "./availability.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { ContainerRun } from "./container-run.ts";
import { endContainer } from "./end-containers.ts";
import { EngineEvents } from "./engine-events.ts";
import { deploymentOf, ownLabels } from "./marks.ts";
import { Owner } from "./owner.ts";
import { Abandoned, type Patience, patiently } from "./patience.ts";

export interface DockerDriverParts {
  /** Where the Docker Engine of this machine listens. */
  readonly dockerSocket: string;
  readonly dataDir: string;
  /** DATA_DIR/logs. */
  readonly logDirectory: string;
  readonly clock: Clock;
  /** Aborted when the server shuts down: what still waits for the Engine gives up. */
  readonly signal: AbortSignal;
}

/**
 * Runs engines in containers of this machine's Docker Engine. Containers outlive this server by themselves; what marks
 * them (marks.ts) is all that has to be known to find them again, so the driver keeps nothing that a restart would lose.
 */
export function dockerDriver(parts: DockerDriverParts, engine: ContainerEngine): Driver {
  const { clock, signal, dockerSocket, logDirectory } = parts;
  const owner = new Owner(parts.dataDir);
  const availability = new Availability(dockerSocket, engine, clock);
  const events = new EngineEvents(engine, () => ownLabels(owner.require()), clock);
  /** Deployments whose containers are this server's to care for, so that a late sweep leaves them alone. */
  const taken = new Set<string>();
  /** Runs that were stopped and are not gone yet, by deployment: there is no second container before they are. */
  const leaving = new Map<string, Promise<void>>();

  const begin = (target: Target, hooks: Hooks, launch: (() => Launch) | undefined): Instance => {
    const { deploymentId } = target;
    taken.add(deploymentId);
    const before = leaving.get(deploymentId) ?? Promise.resolve();
    const run = new ContainerRun(target, hooks, { engine, events, owner, clock, logDirectory, before });
    run.begin(
      launch &&
        (() => {
          // It is asked for once the Engine was, which may have come up since it was last looked for.
          availability.answered();
          return launch();
        }),
    );
    return {
      host: run.host,
      port: run.port,
      get containerId() {
        return run.containerId;
      },
      get progress() {
        return run.progress;
      },
      get warnings() {
        return run.warnings;
      },
      ended: run.ended,
      stop() {
        const told = run.stop();
        const gone = run.gone.finally(() => {
          if (leaving.get(deploymentId) === gone) leaving.delete(deploymentId);
        });
        leaving.set(deploymentId, gone);
        return told;
      },
      release: () => run.release(),
    };
  };

  return {
    kind: "docker",
    unavailable: (recipe) => noImage(recipe) ?? availability.unavailable(),
    check,
    start: (target, launch, hooks) => begin(target, hooks, launch),
    adopt: (target, hooks) => begin(target, hooks, undefined),
    // The Engine would have to be asked; where it never was used there is nothing.
    holds: () => owner.known() !== undefined,
    async sweep(keep) {
      const id = owner.known();
      if (id === undefined) return;
      const patience: Patience = { clock, signal };
      try {
        const all = await patiently(patience, () => engine.list(ownLabels(id)));
        const left = all.filter(({ labels }) => {
          const deploymentId = deploymentOf(labels) ?? "";
          return !keep.has(deploymentId) && !taken.has(deploymentId);
        });
        await Promise.all(left.map((container) => endContainer(container.id, engine, patience)));
      } catch (error) {
        if (!(error instanceof Abandoned)) throw error;
      }
    },
  };
}

function noImage({ name, image }: Recipe): string | null {
  return image === null ? `[runtimes.${name}] of the config file gives it no image` : null;
}

/** Docker publishes at addresses. */
function check({ host }: Wanted) {
  if (host === "localhost" || /^[0-9.]+$|:/.test(host)) return [];
  return [{ field: "host", message: "must be localhost or an IP address of this machine" }];
}
