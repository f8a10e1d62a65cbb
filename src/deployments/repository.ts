import { asc, eq } from "drizzle-orm";
import { deployments } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { CreateDeployment, DeploymentEvent, RestartPolicy, Severity } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { recordDeploymentEvent } from "./deployment-events.ts";
import type { Ending } from "./drivers/driver.ts";
import { failureOf } from "./failures.ts";
import type { Health } from "./health.ts";
import { type Move, transition } from "./lifecycle.ts";
import { type DeploymentRecord, type RecordChange, toColumns, toRecord, wantedOf } from "./record.ts";
import { NO_FAILURES, type Restarts } from "./restart-policy.ts";
import { medianStart, recordStart } from "./start-times.ts";

/** What goes with a move besides the status. */
export interface MoveDetails {
  readonly modelSource: string;
  readonly containerId?: string | undefined;
  /** Why, for `fail` and `stop`. */
  readonly ending?: Ending | undefined;
  /** How long this start took, for `complete`; undefined when this server has not seen all of it. */
  readonly readyMs?: number | undefined;
  /** What is true of its restarts from then on; left out, a user's move ends all that was pending. */
  readonly restarts?: Restarts | undefined;
}

/** What follows from the model, the runtime and the machine, where the user has not said it. */
export interface Resolved {
  readonly name: string;
  readonly restartPolicy: RestartPolicy;
  readonly port: number | null;
  readonly portChosen: boolean;
}

/**
 * Deployments in the store. Each method is one transaction: row, history and pushes are there together or not at all,
 * and what it returns is what was committed.
 */
export class DeploymentRepository {
  readonly #store: Store;
  readonly #activities: Pick<Activities, "record">;
  readonly #clock: Clock;

  constructor(parts: { store: Store; activities: Pick<Activities, "record">; clock: Clock }) {
    this.#store = parts.store;
    this.#activities = parts.activities;
    this.#clock = parts.clock;
  }

  /** All of them, by id. */
  load(): DeploymentRecord[] {
    const now = this.#clock.now();
    const rows = this.#store.db.select().from(deployments).orderBy(asc(deployments.id)).all();
    return rows.map((row) => toRecord(row, now));
  }

  /** A new one, `pending`; it is the start that makes history, and what there is to warn of. */
  create(input: CreateDeployment, resolved: Resolved, warning?: string): DeploymentRecord {
    const now = this.#clock.now();
    const { runtime, health } = input;
    const state = { desired: "running", status: "pending", healthStatus: "unknown", createdAt: now, updatedAt: now };
    return this.#store.write((tx) => {
      const values = { ...wantedOf(input), runtime, health, ...resolved, ...state };
      const record = toRecord(tx.db.insert(deployments).values(values).returning().get(), now);
      if (warning !== undefined) this.#warn(tx, record, warning);
      return record;
    });
  }

  /** Something speaks against its start, which goes on. */
  warn(record: DeploymentRecord, warning: string): void {
    this.#store.write((tx) => this.#warn(tx, record, warning));
  }

  /** How long this model's starts took, in milliseconds; undefined without any. */
  medianStart(record: DeploymentRecord): number | undefined {
    return medianStart(this.#store.db, record);
  }

  /** Something of it was not given back after it was stopped. It may have been removed meanwhile. */
  leak(record: DeploymentRecord, found: readonly string[]): void {
    const { deploymentId, modelId, name } = record;
    const said = found.join("; ");
    this.#store.write((tx) => {
      this.#record(tx, record, "model_deployment", "warning", `Model ${name} is stopped, but ${said}`, {
        leaks: found,
      });
      tx.emit({ type: "deployment_leak", event: { deploymentId, modelId, name, found } });
    });
  }

  /** Another port was chosen for it. */
  assignPort(record: DeploymentRecord, port: number): DeploymentRecord {
    return this.#store.write((tx) => this.#update(tx, record, { port }));
  }

  /** Remembers what the user asked for, where making it true takes a while. */
  want(record: DeploymentRecord, desired: DeploymentRecord["desired"]): DeploymentRecord {
    return this.#store.write((tx) => this.#update(tx, record, { desired }));
  }

  /** It has been running without failing for so long that what was before does not count any more. */
  stable(record: DeploymentRecord, restarts: Restarts): DeploymentRecord {
    return this.#store.write((tx) => {
      const updated = this.#update(tx, record, { restarts });
      this.#tellCrashLoop(tx, record, updated, null);
      return updated;
    });
  }

  /**
   * One step in a deployment's life: the row, one activity, one event.
   *
   * @throws ProblemError `illegal_transition`.
   */
  move(record: DeploymentRecord, move: Move, details: MoveDetails): DeploymentRecord {
    return this.#store.write((tx) => this.#move(tx, record, move, details));
  }

  /**
   * What a probe of a running deployment showed: a changed verdict or reason is stored, a change and each failure is
   * pushed. `news`: the verdict differs from the last one that the history tells of, so it becomes an activity.
   */
  health(record: DeploymentRecord, health: Health, reason: string | null, news: boolean): DeploymentRecord {
    const shown = health.status === "unhealthy" ? reason : null;
    const changed = record.health !== health.status || record.reason !== shown;
    // Almost every probe of a healthy deployment ends here, without a transaction.
    if (!changed && !news && health.failures === 0) return record;
    return this.#store.write((tx) => {
      const updated = changed ? this.#update(tx, record, { health: health.status, reason: shown }) : record;
      if (news) {
        const bad = health.status === "unhealthy";
        const message = bad ? `Model ${record.name} is unhealthy: ${reason}` : `Model ${record.name} is healthy again`;
        const extra = { health_status: health.status, ...(bad && { reason, failures: health.failures }) };
        this.#record(tx, updated, "model_health_check", bad ? "warning" : "info", message, extra);
      }
      if (record.health !== health.status || health.failures > 0) emitHealth(tx, updated, health.failures, reason);
      return updated;
    });
  }

  /** Takes it out, after a `stop` if it is in a state that can be stopped. Its history stays. */
  remove(record: DeploymentRecord, modelSource: string): void {
    this.#store.write((tx) => {
      const alive = record.status === "deploying" || record.status === "running";
      const ending = { reason: "the deployment was removed" };
      const last = alive ? this.#move(tx, record, "stop", { modelSource, ending }) : record;
      tx.db.delete(deployments).where(eq(deployments.id, record.id)).run();
      this.#record(tx, last, "user_operation", "info", `Model ${record.name} deployment removed`, {});
    });
  }

  #move(tx: Tx, record: DeploymentRecord, move: Move, details: MoveDetails): DeploymentRecord {
    const { to: status, event } = transition(record.status, move);
    const now = this.#clock.now();
    const { ending, readyMs } = details;
    const restarts = details.restarts ?? (isCommand(move) ? NO_FAILURES : record.restarts);
    const failed = move === "fail" && ending ? failureOf(ending, record.port, now) : null;
    // A restart by policy is a step of the same trouble.
    const failure = failed ?? (move === "restart" && restarts !== NO_FAILURES ? record.failure : null);
    const { reason = null, hint = null } = failed ?? ending ?? {};
    const change = { status, reason, failure, restarts, ...CHANGES[move](now) };
    const updated = this.#update(tx, record, change);
    if (readyMs !== undefined) recordStart(tx.db, record, readyMs);
    const median = status === "deploying" ? medianStart(tx.db, record) : undefined;
    const said = WORDS[move](record, reason ?? undefined);
    const why = { ...(reason !== null && { reason }), ...(hint && { hint }) };
    const extra = { event, status, ...why, ...(failed && { failure_class: failed.class }) };
    this.#record(tx, updated, "model_deployment", move === "fail" ? "error" : "info", said.activity, extra);
    const more: Partial<DeploymentEvent["details"]> = {
      ...(details.containerId && { container_id: details.containerId }),
      ...(median !== undefined && { estimated_completion: isoTime(now + median) }),
      ...why,
    };
    recordDeploymentEvent(tx, now, {
      deployment_id: record.deploymentId,
      model_id: record.modelId,
      event,
      status,
      message: said.event,
      details: { name: record.name, model_source: details.modelSource, port: record.port, ...more },
    });
    if (updated.health !== record.health) emitHealth(tx, updated, 0, null);
    this.#tellCrashLoop(tx, record, updated, reason);
    return updated;
  }

  #warn(tx: Tx, record: DeploymentRecord, warning: string): void {
    this.#record(tx, record, "model_deployment", "warning", `Model ${record.name} may not start: ${warning}`, {
      warning,
    });
  }

  #tellCrashLoop(tx: Tx, before: DeploymentRecord, after: DeploymentRecord, reason: string | null): void {
    const { deploymentId, modelId, name, restarts, status } = after;
    const { crashLoop, count, nextAt } = restarts;
    if (crashLoop === before.restarts.crashLoop) return;
    const event = { deploymentId, modelId, name, crashLoop, restarts: count, reason, nextRestartAt: nextAt };
    tx.emit({ type: "deployment_crash_loop", event });
    // What a user did about it is in the history already.
    if (!crashLoop && status !== "running") return;
    const message = crashLoop
      ? `Model ${name} fails again and again: it is restarted after ever longer waits`
      : `Model ${name} has been running steadily again`;
    const extra = { crash_loop: crashLoop, restart_count: count, ...(crashLoop && { reason }) };
    this.#record(tx, after, "model_deployment", crashLoop ? "critical" : "info", message, extra);
  }

  #update(tx: Tx, record: DeploymentRecord, change: RecordChange): DeploymentRecord {
    const dated = { ...change, updatedAt: this.#clock.now() };
    tx.db.update(deployments).set(toColumns(dated)).where(eq(deployments.id, record.id)).run();
    return { ...record, ...dated };
  }

  #record(
    tx: Tx,
    record: DeploymentRecord,
    type: "model_deployment" | "model_health_check" | "user_operation",
    severity: Severity,
    message: string,
    extra: Record<string, unknown>,
  ): void {
    this.#activities.record(tx, {
      activity_type: type,
      message,
      severity,
      resource_type: "deployment",
      resource_id: record.deploymentId,
      extra_data: { model_id: record.modelId, port: record.port, ...extra },
    });
  }
}

function emitHealth(tx: Tx, record: DeploymentRecord, failures: number, reason: string | null): void {
  const { deploymentId, modelId, name, health, check } = record;
  const threshold = check.unhealthy_threshold;
  tx.emit({ type: "deployment_health", event: { deploymentId, modelId, name, health, failures, threshold, reason } });
}

function isCommand(move: Move): boolean {
  return move === "start" || move === "restart" || move === "stop";
}

/** What each move changes besides status and reason. Only a user's moves change what is desired. */
const CHANGES = {
  start: (now) => ({ desired: "running", health: "unknown", startedAt: now, deployedAt: null }),
  restart: (now) => ({ desired: "running", health: "unknown", startedAt: now, deployedAt: null }),
  complete: (now) => ({ health: "healthy", deployedAt: now }),
  fail: () => ({ health: "unknown" }),
  stop: () => ({ desired: "stopped", health: "unknown" }),
} as const satisfies Record<Move, (now: number) => RecordChange>;

/** What people read of each move: as an activity, and as a deployment event. */
const WORDS = {
  start: (r) => ({
    activity: `Model ${r.name} deployment started`,
    event: `Starting deployment for ${r.modelId}`,
  }),
  restart: (r) => ({
    activity: `Model ${r.name} deployment restarted`,
    event: `Restarting deployment for ${r.modelId}`,
  }),
  complete: (r) => ({
    activity: `Model ${r.name} deployment completed`,
    event: `Deployment of ${r.modelId} is running`,
  }),
  fail: (r, reason) => ({
    activity: `Model ${r.name} deployment failed: ${reason}`,
    event: `Deployment of ${r.modelId} failed: ${reason}`,
  }),
  stop: (r) => ({
    activity: `Model ${r.name} deployment stopped`,
    event: `Deployment of ${r.modelId} stopped`,
  }),
} as const satisfies Record<
  Move,
  (record: DeploymentRecord, reason: string | undefined) => { activity: string; event: string }
>;
