import { and, desc, eq, inArray } from "drizzle-orm";
import { deploymentStarts } from "../../db/schema.ts";
import type { Db } from "../store/store.ts";
import type { DeploymentRecord } from "./record.ts";

/** Starts that are kept per model and runtime: enough for a steady median, few enough to follow a change of disk. */
const KEPT = 20;

type Starter = Pick<DeploymentRecord, "modelId" | "runtime">;

/** Keeps how long a start took until it was ready, and forgets the oldest beyond `KEPT`. */
export function recordStart(db: Db, starter: Starter, readyMs: number): void {
  const { modelId, runtime } = starter;
  db.insert(deploymentStarts)
    .values({ modelId, runtime, readyMs: Math.round(readyMs) })
    .run();
  const excess = db
    .select({ id: deploymentStarts.id })
    .from(deploymentStarts)
    .where(sameStarter(starter))
    .orderBy(desc(deploymentStarts.id))
    .limit(1_000)
    .offset(KEPT);
  db.delete(deploymentStarts).where(inArray(deploymentStarts.id, excess)).run();
}

/** Median of this model's own past start times with this runtime, in milliseconds; undefined without any. */
export function medianStart(db: Db, starter: Starter): number | undefined {
  const times = db
    .select({ readyMs: deploymentStarts.readyMs })
    .from(deploymentStarts)
    .where(sameStarter(starter))
    .orderBy(desc(deploymentStarts.id))
    .limit(KEPT)
    .all()
    .map(({ readyMs }) => readyMs)
    .sort((a, b) => a - b);
  const [low, high] = [times[Math.floor((times.length - 1) / 2)], times[Math.floor(times.length / 2)]];
  return low === undefined || high === undefined ? undefined : Math.round((low + high) / 2);
}

function sameStarter({ modelId, runtime }: Starter) {
  return and(eq(deploymentStarts.modelId, modelId), eq(deploymentStarts.runtime, runtime));
}
