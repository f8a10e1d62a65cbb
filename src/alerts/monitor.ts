import type { Clock } from "../clock.ts";
import type { Alert, ResolutionReason } from "../contract/index.ts";
import type { Store, Tx } from "../store/store.ts";
import { type AlertState, isIdle, QUIET } from "./alert-state.ts";
import { type AlertContent, endedContent, lifeContent, type Says } from "./content.ts";
import type { Change, Incidents } from "./incidents.ts";
import type { RuleBook } from "./rule-book.ts";
import { type RuleName, rules } from "./rules.ts";
import { dismissed, reruled, type Step, step, untold } from "./step.ts";
import { StoredStates } from "./stored-states.ts";

/** One value of one resource instance, and what to say of it. */
export interface Observation {
  /** Names the resource instance: `memory`, `gpu:<uuid>:temperature`. The same over restarts. */
  readonly key: string;
  readonly rule: RuleName;
  /** Null when it is not reported now, undefined when the instance is not there. */
  readonly value: number | null | undefined;
  /** Undefined where there is no value to speak of. */
  readonly says?: Says | undefined;
  /** The key whose incident means that this one's values cannot be read. */
  readonly source?: string | undefined;
}

interface Watched {
  readonly rule: RuleName;
  state: AlertState;
  /** What is in the store; null when nothing is. */
  saved: AlertState | null;
  says: Says | undefined;
  source: string | undefined;
}

/** What only moved on silently is stored after so long: a crash costs at most that much of a wait, and never an alert. */
const SAVE_MOVES_MS = 10_000;
/** The time that was counted is stored this often. */
const CHECKPOINT_MS = 60_000;

/**
 * Runs the state machine of each resource instance, and makes incidents of what it tells.
 *
 * What is told and the state that told it are one transaction. So after a crash nothing is told twice and nothing is
 * left out; what cannot be written is told with the next sample that still says so.
 */
export class Monitor {
  readonly #store: Store;
  readonly #incidents: Incidents;
  readonly #book: RuleBook;
  readonly #clock: Clock;
  readonly #states: StoredStates;
  readonly #onFailure: (error: unknown) => void;
  /** By key; as many as the machine has watched values and deployments. */
  readonly #watched = new Map<string, Watched>();
  /** Keys with a row that is to be deleted. */
  readonly #forgotten = new Set<string>();
  #savedAt: number;
  #checkpointAt: number;

  constructor(parts: {
    store: Store;
    incidents: Incidents;
    book: RuleBook;
    clock: Clock;
    /** A change could not be written; it is tried again. */
    onFailure: (error: unknown) => void;
  }) {
    this.#store = parts.store;
    this.#incidents = parts.incidents;
    this.#book = parts.book;
    this.#clock = parts.clock;
    this.#states = new StoredStates(parts);
    this.#onFailure = parts.onFailure;
    this.#savedAt = this.#checkpointAt = parts.clock.monotonic();
    this.#load();
  }

  #load(): void {
    for (const { key, rule, state, stored } of this.#states.load()) {
      this.#watched.set(key, { rule, state, saved: stored, says: undefined, source: undefined });
    }
    for (const [key, { alert }] of this.#incidents.open()) {
      if (this.#watched.has(key)) continue;
      const message = "It is not known whether this still holds; if it does, there is a new alert";
      this.end(key, "no_data", () => endedContent(alert, "Monitoring Lost", message));
    }
  }

  /** The keys that are watched for a rule. */
  keysOf(rule: RuleName): string[] {
    return [...this.#watched].filter(([, watched]) => watched.rule === rule).map(([key]) => key);
  }

  /** Whether something is or lately was wrong with `key`, or may be soon. */
  watches(key: string): boolean {
    return this.#watched.has(key);
  }

  /** Takes one more value. A rule that is off takes none. */
  observe(observation: Observation): void {
    const { key, rule, value, says, source } = observation;
    if (!this.#book.settings(rule).enabled) return;
    const watched = this.#watch(key, rule);
    if (says) watched.says = says;
    watched.source = source;
    this.#take(key, watched, step(this.#book.limits(rule), watched.state, value, this.#clock.monotonic()));
  }

  /** Takes the newest value of `key` once more: it still holds, and time goes on. */
  again(key: string): void {
    const watched = this.#watched.get(key);
    if (!watched?.says || !this.#book.settings(watched.rule).enabled) return;
    const { rule, state } = watched;
    this.#take(key, watched, step(this.#book.limits(rule), state, state.value, this.#clock.monotonic()));
    // Whatever there is to hear of it next is told.
    if (isIdle(watched.state)) this.#forget(key);
  }

  /** Judges everything of a rule anew after it was changed, and closes what is open when it is off. */
  ruleChanged(rule: RuleName): void {
    for (const key of this.keysOf(rule)) {
      const watched = this.#watched.get(key);
      if (!watched) continue;
      if (this.#book.settings(rule).enabled) this.#take(key, watched, reruled(this.#book.limits(rule), watched.state));
      else this.#turnedOff(key, rule);
    }
  }

  /** After each round of observations: what is over is forgotten, and what moved on is stored in time. */
  tick(): void {
    for (const [key, { rule }] of [...this.#watched]) {
      if (!this.#book.settings(rule).enabled) this.#turnedOff(key, rule);
    }
    const now = this.#clock.monotonic();
    const checkpoint = now - this.#checkpointAt >= CHECKPOINT_MS;
    if (!checkpoint && now - this.#savedAt < SAVE_MOVES_MS) return;
    const moved = checkpoint || [...this.#watched.values()].some(hasMoved);
    if (moved) this.save();
    this.#savedAt = now;
    if (checkpoint) this.#checkpointAt = now;
  }

  /** Stores where each state is, and the newest values of what is open. */
  save(): void {
    const changed = [...this.#watched].filter(([, { state, saved }]) => state !== saved);
    const kept = changed.filter(([, { state }]) => !isIdle(state));
    const over = changed.filter(([, { state, saved }]) => saved !== null && isIdle(state));
    const nothing = kept.length + over.length + this.#forgotten.size === 0;
    if (nothing && !this.#incidents.unsaved) return;
    this.#attempt(() => {
      this.#store.write((tx) => {
        for (const [key, { rule, state }] of kept) this.#states.put(tx, key, rule, state);
        for (const [key] of over) this.#states.drop(tx, key);
        for (const key of this.#forgotten) this.#states.drop(tx, key);
        this.#incidents.saveValues(tx);
      });
      this.#incidents.valuesSaved();
      this.#forgotten.clear();
      for (const [, watched] of kept) watched.saved = watched.state;
      for (const [, watched] of over) watched.saved = null;
    });
  }

  /** Closes what is open of `key` for a reason outside of its values, and forgets the rest. False when it failed. */
  end(key: string, reason: ResolutionReason, says: (alert: Alert) => AlertContent): boolean {
    const open = this.#incidents.get(key);
    if (!open) {
      this.#forget(key);
      return true;
    }
    const life = { resolution: { reason, by: null, comment: null }, flapping: false, stale: false };
    const source = this.#watched.get(key)?.source;
    const also = (tx: Tx) => this.#states.drop(tx, key);
    const content = says(open.alert);
    const told = this.#attempt(
      () => void this.#incidents.change(key, { kind: "resolved", content, life, source, also }),
    );
    if (told) this.#watched.delete(key);
    return told;
  }

  /** Closes what is open of `key` because somebody says so. @throws StorageError. */
  dismiss(key: string, change: Omit<Change, "kind" | "also">): Alert {
    const watched = this.#watched.get(key);
    const state = watched && dismissed(watched.state);
    const also = (tx: Tx) => {
      if (watched && state) this.#states.put(tx, key, watched.rule, state);
    };
    const alert = this.#incidents.change(key, { ...change, kind: "resolved", also });
    if (watched && state) watched.state = watched.saved = state;
    return alert;
  }

  #watch(key: string, rule: RuleName): Watched {
    const known = this.#watched.get(key);
    if (known) return known;
    const fresh: Watched = { rule, state: QUIET, saved: null, says: undefined, source: undefined };
    this.#watched.set(key, fresh);
    this.#forgotten.delete(key);
    return fresh;
  }

  #take(key: string, watched: Watched, { state, transition }: Step): void {
    const before = watched.state;
    const open = this.#incidents.get(key);
    const { rule } = watched;
    if (!transition) {
      watched.state = state;
      // Where the value is said in other words (failed checks, say), those are what is kept.
      if (open && state.value !== null && state.missingMs === 0 && rules[rule].unit !== "") {
        this.#incidents.track(key, state.value, rules[rule].bad);
      }
      if (state.absentMs > 0 && isIdle(state)) this.#forget(key);
      return;
    }
    const settings = this.#book.settings(rule);
    const { kind, level, value, again, reason } = transition;
    const content =
      (open && lifeContent(rules[rule], open.alert, transition)) ??
      watched.says?.({ kind, level, value, settings, previous: open?.alert });
    if (!content) {
      // Nobody has said yet what the value is about; the next one who does tells it.
      watched.state = untold(before, state);
      return;
    }
    const life: Partial<Alert> = {
      rule,
      auto_resolve: settings.auto_resolve,
      for_seconds: settings.for_seconds,
      flapping: state.flapping,
      stale: state.stale,
      ...(reason !== null && { resolution: { reason, by: null, comment: null } }),
    };
    const also = (tx: Tx) => this.#states.put(tx, key, rule, state);
    const { source } = watched;
    const { bad } = rules[rule];
    const told = this.#attempt(
      () => void this.#incidents.change(key, { kind, content, life, bad, again, source, also }),
    );
    watched.state = told ? state : untold(before, state);
    if (told) watched.saved = state;
  }

  #turnedOff(key: string, rule: RuleName): void {
    const message = `The rule ${rule} was turned off; this is no longer watched`;
    this.end(key, "rule_changed", (alert) => endedContent(alert, "Alert Rule Is Off", message));
  }

  #forget(key: string): void {
    if (this.#watched.get(key)?.saved) this.#forgotten.add(key);
    this.#watched.delete(key);
  }

  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#onFailure(error);
      return false;
    }
  }
}

/** Whether a state is in another phase than the stored one. */
function hasMoved({ state, saved }: Watched): boolean {
  const stored = saved ?? QUIET;
  return state.warning.phase !== stored.warning.phase || state.critical.phase !== stored.critical.phase;
}
