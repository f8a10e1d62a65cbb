import { type DeploymentEventType, type DeploymentStatus, ProblemError } from "../contract/index.ts";

/** What can happen to a deployment. `complete` and `fail` come from the world, the others from a user. */
export type Move = "start" | "restart" | "complete" | "fail" | "stop";

/**
 * A deployment's life, as data. This is the only place where a status word is assigned.
 *
 * ```text
 *                start              complete
 *   (created) ───────────► deploying ───────► running
 *    pending                 │ ▲  ▲ └─┐         │ │ │
 *       │               fail │ │  │   restart   │ │ │
 *       │                    ▼ │  └─────────────┼─┼─┘ restart
 *       │   start, restart  failed ◄────────────┘ │
 *       │                    │ ▲  fail            │
 *       │ stop          stop │ │ start, restart   │ stop (from deploying, too)
 *       │                    ▼ │                  │
 *       └─────────────────► stopped ◄─────────────┘
 * ```
 *
 * A move to `deploying` is written when it is decided; `running` only once a probe has passed; `stopped` only once
 * nothing of the deployment runs any more.
 */
export const moves = {
  start: { from: ["pending", "stopped", "failed"], to: "deploying", event: "deployment_started" },
  restart: {
    from: ["pending", "deploying", "running", "stopped", "failed"],
    to: "deploying",
    event: "deployment_restarted",
  },
  complete: { from: ["deploying"], to: "running", event: "deployment_completed" },
  fail: { from: ["deploying", "running"], to: "failed", event: "deployment_failed" },
  stop: { from: ["pending", "deploying", "running", "failed"], to: "stopped", event: "deployment_stopped" },
} as const satisfies Record<
  Move,
  { from: readonly DeploymentStatus[]; to: DeploymentStatus; event: DeploymentEventType }
>;

/** The moves a user can ask for. */
const COMMANDS = ["start", "stop", "restart"] as const satisfies readonly Move[];
export type Command = (typeof COMMANDS)[number];

/** What a server that starts has to do about a deployment, so that what is stored becomes true. */
export type Resumption = "nothing" | "start" | "go on starting" | "watch" | "find and stop" | "stop";

/**
 * Decided by what is stored alone, whatever the server before was at when it ended. What failed waits for its restart, if
 * one is pending, or for a user; whatever is left of it is ended with everything that has no business to be there.
 */
export function resumption(status: DeploymentStatus, desired: "running" | "stopped"): Resumption {
  if (status === "stopped" || status === "failed") return "nothing";
  // The stop was accepted and not carried out. What is left of the run has to be found to be ended.
  if (desired === "stopped") return status === "pending" ? "stop" : "find and stop";
  if (status === "pending") return "start";
  return status === "deploying" ? "go on starting" : "watch";
}

export function isLegal(status: DeploymentStatus, move: Move): boolean {
  return (moves[move].from as readonly DeploymentStatus[]).includes(status);
}

/**
 * Where `move` leads from `status`, and the event that tells of it.
 *
 * @throws ProblemError `illegal_transition`, naming the status and what can be asked for in it.
 */
export function transition(
  status: DeploymentStatus,
  move: Move,
): { readonly to: DeploymentStatus; readonly event: DeploymentEventType } {
  if (isLegal(status, move)) return moves[move];
  const allowed = COMMANDS.filter((command) => isLegal(status, command)).join(", ");
  throw new ProblemError("illegal_transition", `Cannot ${move} a deployment that is ${status}; possible: ${allowed}.`);
}
