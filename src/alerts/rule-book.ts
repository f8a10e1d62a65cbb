import { eq } from "drizzle-orm";
import { alertRuleChanges } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import type { Clock } from "../clock.ts";
import type { AlertRules } from "../config/alert-rules.ts";
import { type AlertRule, type AlertRuleSettings, ProblemError, type UpdateAlertRule } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import type { Limits } from "./detector.ts";
import { limitsOf, type RuleName, ruleNames, rules } from "./rules.ts";

type Changes = { -readonly [Key in keyof AlertRuleSettings]?: AlertRuleSettings[Key] };

/** What each rule says now: what is configured, changed by what was set over the API. */
export class RuleBook {
  readonly #store: Store;
  readonly #activities: Pick<Activities, "record">;
  readonly #clock: Clock;
  readonly #configured: AlertRules;
  readonly #changes = new Map<RuleName, Changes>();

  constructor(parts: { store: Store; activities: Pick<Activities, "record">; clock: Clock; configured: AlertRules }) {
    this.#store = parts.store;
    this.#activities = parts.activities;
    this.#clock = parts.clock;
    this.#configured = parts.configured;
    for (const { name, changes } of parts.store.db.select().from(alertRuleChanges).all()) {
      // A rule that a newer version had is left alone; the column holds what `update` put there.
      if (isRuleName(name)) this.#changes.set(name, changes as Changes);
    }
  }

  settings(name: RuleName): AlertRuleSettings {
    return { ...this.#configured[name], ...this.#changes.get(name) };
  }

  limits(name: RuleName): Limits {
    return limitsOf(name, this.settings(name));
  }

  list(): AlertRule[] {
    return ruleNames.map((name) => this.get(name));
  }

  get(name: RuleName): AlertRule {
    const { type, subject, unit, bad } = rules[name];
    const changed = Object.keys(this.#changes.get(name) ?? {});
    return { name, type, subject, unit, bad, ...this.settings(name), configured: this.#configured[name], changed };
  }

  /**
   * Sets what is given, and takes the configured value again for what is null.
   *
   * @throws ProblemError `validation_failed` when the thresholds would be the wrong way round; StorageError.
   */
  update(name: RuleName, input: UpdateAlertRule, by: string | null): AlertRule {
    const changes = changed(this.#changes.get(name) ?? {}, input);
    const next = { ...this.#configured[name], ...changes };
    const field = input.critical === undefined ? "warning" : "critical";
    const wrong = rules[name].bad === "above" ? next.critical < next.warning : next.critical > next.warning;
    if (wrong) {
      const side = rules[name].bad === "above" ? "at least" : "at most";
      const message = `critical (${next.critical}) must be ${side} warning (${next.warning})`;
      throw new ProblemError("validation_failed", `The thresholds of ${name} are the wrong way round.`, [
        { field, message },
      ]);
    }
    const now = this.#clock.now();
    this.#store.write((tx) => {
      tx.db.delete(alertRuleChanges).where(eq(alertRuleChanges.name, name)).run();
      if (Object.keys(changes).length > 0) {
        tx.db.insert(alertRuleChanges).values({ name, changes, updatedAt: now }).run();
      }
      this.#activities.record(tx, {
        activity_type: "user_operation",
        message: `Alert rule ${name} was changed`,
        severity: "info",
        resource_type: "alert_rule",
        resource_id: name,
        extra_data: { changes: input, by },
      });
    });
    this.#changes.set(name, changes);
    return this.get(name);
  }
}

function changed(before: Changes, input: UpdateAlertRule): Changes {
  const entries = Object.entries({ ...before, ...input }).filter(([, value]) => value !== null && value !== undefined);
  // What is left are settings' own names with their own values, which the contract has checked.
  return Object.fromEntries(entries) as Changes;
}

function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(rules, name);
}
