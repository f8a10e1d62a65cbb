import type { Alert } from "../contract/index.ts";
import type { Tx } from "../store/store.ts";

/**
 * What happened to an incident. A rule's doing: `opened`, `reopened` (soon after its end, so it is the same incident),
 * `escalated`, `deescalated`, `resolved`, `flapping` (it keeps opening and ending, and is held open until that stops),
 * `settled` (it no longer does), `stale` (no values come any more), `fresh` (they do again). A person's doing:
 * `acknowledged`, `resolved`, `silenced`, `unsilenced`. Time's doing: `unacknowledged`, `unsilenced`.
 */
export type IncidentChangeKind =
  | "opened"
  | "reopened"
  | "escalated"
  | "deescalated"
  | "resolved"
  | "flapping"
  | "settled"
  | "stale"
  | "fresh"
  | "acknowledged"
  | "unacknowledged"
  | "silenced"
  | "unsilenced";

/** One change of one incident, for whoever tells people about it. */
export interface IncidentChange {
  readonly kind: IncidentChangeKind;
  /** Number of the change among all changes of all incidents: the `seq` of its push. Never used twice. */
  readonly seq: number;
  /** Names the resource instance, e.g. `memory`. */
  readonly key: string;
  /** The incident after the change, as it is pushed. */
  readonly incident: Alert;
  /** As it was before; null when it was not open. */
  readonly previous: Alert | null;
  /** Whether somebody wants to hear nothing of it now. The incident goes on all the same. */
  readonly silenced: boolean;
  /** Whether it only follows from another incident that is open: the values' source does not work. */
  readonly inhibited: boolean;
}

/**
 * Called inside the transaction that stores the change: what it writes through `tx` is committed with the change or not
 * at all. What it throws undoes both, and the change is tried again with the next sample.
 */
export type OnIncident = (tx: Tx, change: IncidentChange) => void;
