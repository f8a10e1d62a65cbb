import type { IncidentChange } from "../alerts/incident-hook.ts";
import type { ChannelEvent, CreateChannel, NotificationEvent, Severity } from "../contract/index.ts";

/** What a channel knows of an alert that it was told of. */
export interface Told {
  /** `over`: of its end as well. `quiet`: it came back since, which was not worth a message. */
  readonly phase: "open" | "over" | "quiet";
  readonly severity: Severity;
}

/** What a change means for one channel. */
export interface Decision {
  /** What is told of it; null: nothing. */
  readonly tell: NotificationEvent | null;
  /** What the channel knows from then on; null: nothing. */
  readonly told: Told | null;
  /** Whether what waits to be told of the alert is told no more. */
  readonly drop: boolean;
  /** What becomes of reminders: begun anew, ended until somebody wants them again, or as they are. */
  readonly remind: "start" | "stop" | "keep";
}

const RANK = { info: 0, warning: 1, error: 2, critical: 3 } as const satisfies Record<Severity, number>;

export function atLeast(severity: Severity, least: Severity): boolean {
  return RANK[severity] >= RANK[least];
}

type Wishes = Pick<CreateChannel, "min_severity" | "events">;

/**
 * Whether and what a channel is told of a change.
 *
 * A channel hears of an alert from the severity on that it wants, of changes only when it heard of the beginning, and of
 * the end whenever it did. Who is silenced hears nothing, and of what still is wrong when the silence ends.
 */
export function decide(wishes: Wishes, told: Told | null, change: IncidentChange): Decision {
  const { kind, incident } = change;
  const { severity } = incident;
  const wants = (event: ChannelEvent) => wishes.events.includes(event);
  const grave = atLeast(severity, wishes.min_severity);
  const nothing: Decision = { tell: null, told, drop: false, remind: "keep" };
  const open: Told = { phase: "open", severity };
  const tell = (event: NotificationEvent): Decision => ({ tell: event, told: open, drop: false, remind: "start" });

  if (change.silenced) {
    // A quick return of what ended while silenced is news, so what was told before is forgotten.
    if (kind === "resolved") return { tell: null, told: null, drop: true, remind: "stop" };
    return { tell: null, told, drop: true, remind: "stop" };
  }
  // Its cause has an alert of its own. An end is told all the same to who knows of the beginning.
  if (change.inhibited && kind !== "resolved") return nothing;

  switch (kind) {
    case "opened":
      return grave && wants("opened") ? tell("opened") : nothing;
    case "reopened":
      if (told === null) return grave && wants("opened") ? tell("opened") : nothing;
      if (grave && wants("opened") && !atLeast(told.severity, severity)) return tell("opened");
      return { tell: null, told: { phase: "quiet", severity: told.severity }, drop: false, remind: "start" };
    case "escalated":
      return grave && wants("escalated") ? tell(told === null ? "opened" : "escalated") : nothing;
    case "flapping":
      return grave && wants("flapping") ? tell("flapping") : nothing;
    case "deescalated":
    case "stale":
    case "fresh":
      return told?.phase === "open" && wants(kind) ? tell(kind) : nothing;
    case "acknowledged":
      if (told === null) return nothing;
      return { ...(told.phase === "open" && wants(kind) ? tell(kind) : nothing), remind: "stop" };
    case "unacknowledged":
      return told === null ? nothing : { ...nothing, remind: "start" };
    case "unsilenced":
      if (incident.state !== "firing" || !grave) return nothing;
      if (told?.phase === "open") return tell("reminder");
      return wants("opened") ? tell("opened") : nothing;
    case "resolved": {
      if (told === null) return nothing;
      const end: Told = { phase: "over", severity: told.severity };
      const heard = told.phase === "open" && wants("resolved");
      return { tell: heard ? "resolved" : null, told: end, drop: false, remind: "stop" };
    }
    case "settled":
    case "silenced":
      return nothing;
    default:
      return kind satisfies never;
  }
}
