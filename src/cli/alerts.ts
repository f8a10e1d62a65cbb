import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Alert, AlertRule, Silence } from "../contract/alerts.ts";
import { type Context, clientCommand, groupCommand, openSession, type Session } from "./context.ts";
import { UsageError } from "./failure.ts";
import { ago, measured, severityFormat } from "./format.ts";
import { given, number } from "./options.ts";
import { notePage, show } from "./show.ts";
import { type Column, details, table } from "./table.ts";
import { NOTHING, plain } from "./text.ts";
import { alertRuleNames, alertStates, alertTypes, severities } from "./words.ts";

/** `alerts list|get|ack|resolve|silence|silences|unsilence|rules|rule`. */
export function addAlertsCommands(program: Command, context: Context): void {
  const alerts = groupCommand(program, "alerts", "what is wrong, and was");
  addReading(alerts, context);
  addActing(alerts, context);
  addSilencing(alerts, context);
  addRules(alerts, context);
}

function addReading(alerts: Command, context: Context): void {
  clientCommand(alerts, "list", "list alerts, newest first")
    .addOption(new Option("--state <state>", "only in this state").choices(alertStates))
    .addOption(new Option("--type <type>", "only of this type").choices(alertTypes))
    .addOption(new Option("--severity <severity>", "only of this severity").choices(severities))
    .option("--resource-type <word>", "only about this kind of thing, e.g. deployment")
    .option("--resource-id <id>", "only about this thing, e.g. dep-123")
    .option("--since <time>", "only opened from this ISO 8601 time on")
    .option("--until <time>", "only opened up to this ISO 8601 time")
    .option("--limit <count>", "at most this many (50)", number)
    .option("--before <alert-id>", "only those before this one")
    .action(async ({ state, type, severity, resourceType, resourceId, since, until, limit, before, ...options }) => {
      const session = openSession(options, context);
      const about = { resource_type: resourceType, resource_id: resourceId };
      const page = await session.api.alerts.list({ state, type, severity, ...about, since, until, limit, before });
      show(session, page, () => (page.items.length === 0 ? ["No alerts."] : rows(page.items, alertColumns, session)));
      notePage(session, page, "before");
    });

  clientCommand(alerts, "get", "show an alert")
    .argument("<alert-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      const alert = await session.api.alerts.get(id);
      show(session, alert, () => one(alert, session));
    });
}

function addActing(alerts: Command, context: Context): void {
  clientCommand(alerts, "ack", "say that you see to an alert: no reminders until it gets worse, or for a day")
    .argument("<alert-id>")
    .option("--comment <text>", "what is to be known about it")
    .action(async (id, { comment, ...options }) => {
      const session = openSession(options, context);
      const alert = await session.api.alerts.acknowledge(id, given({ comment }));
      show(session, alert, () => [`Acknowledged ${id}: ${plain(alert.message)}`]);
    });

  clientCommand(alerts, "resolve", "close an alert by hand: it comes back when it gets worse, or begins anew")
    .argument("<alert-id>")
    .option("--comment <text>", "what is to be known about it")
    .action(async (id, { comment, ...options }) => {
      const session = openSession(options, context);
      const alert = await session.api.alerts.resolve(id, given({ comment }));
      show(session, alert, () => [`Closed ${id}.`]);
    });
}

function addSilencing(alerts: Command, context: Context): void {
  clientCommand(alerts, "silence", "tell nobody of the alerts that match, for a while; * stands for any text")
    .option("--key <pattern>", "whose key matches, e.g. gpu:*")
    .option("--type <pattern>", "whose type matches, e.g. disk_*")
    .option("--resource <pattern>", "whose resource matches, e.g. deployment:dep-3")
    .option("--for <duration>", "how long, e.g. 30m, 8h or 2d", duration)
    .option("--until <time>", "until when, as an ISO 8601 time")
    .option("--comment <text>", "why")
    .action(async ({ key, type, resource, for: lasting, until, comment, ...options }) => {
      if ((lasting === undefined) === (until === undefined)) throw new UsageError("give one of --for and --until");
      const session = openSession(options, context);
      const end = until ?? new Date(Date.now() + (lasting ?? 0)).toISOString();
      const silence = await session.api.silences.create({ until: end, ...given({ key, type, resource, comment }) });
      show(session, silence, () => [
        `Silenced until ${silence.until}. End it with: llm-manager alerts unsilence ${silence.silence_id}`,
      ]);
    });

  clientCommand(alerts, "silences", "list the silences in force").action(async (options) => {
    const session = openSession(options, context);
    const silences = await session.api.silences.list();
    show(session, silences, () =>
      silences.items.length === 0 ? ["Nothing is silenced."] : rows(silences.items, silenceColumns, session),
    );
  });

  clientCommand(alerts, "unsilence", "end a silence")
    .argument("<silence-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      await session.api.silences.remove(id);
      show(session, { silence_id: id, removed: true }, () => [`Ended ${id}.`]);
    });
}

function addRules(alerts: Command, context: Context): void {
  clientCommand(alerts, "rules", "list the rules by which alerts open and close").action(async (options) => {
    const session = openSession(options, context);
    const rules = await session.api.alertRules.list();
    show(session, rules, () => rows(rules.items, ruleColumns, session));
  });

  clientCommand(alerts, "rule", "change a rule; `default` takes the configured value again")
    .argument("<name>", `one of ${alertRuleNames.join(", ")}`)
    .option("--enabled <on|off>", "whether it is looked at", flag)
    .option("--warning <value>", "threshold, in the rule's unit", orDefault)
    .option("--critical <value>", "threshold, in the rule's unit", orDefault)
    .option("--hysteresis <value>", "how far on the good side of a threshold a level ends", orDefault)
    .option("--for <seconds>", "how long a value has to be beyond a threshold", orDefault)
    .option("--clear <seconds>", "how long it has to be back", orDefault)
    .option("--auto-resolve <on|off>", "whether recovery closes its alerts", flag)
    .action(async (name, { enabled, warning, critical, hysteresis, for: lasting, clear, autoResolve, ...options }) => {
      const known = alertRuleNames.find((one) => one === name);
      if (!known) throw new UsageError(`there is no rule ${name}; there are ${alertRuleNames.join(", ")}`);
      const changes = given({
        enabled: wanted(enabled),
        warning: wanted(warning),
        critical: wanted(critical),
        hysteresis: wanted(hysteresis),
        for_seconds: wanted(lasting),
        clear_seconds: wanted(clear),
        auto_resolve: wanted(autoResolve),
      });
      if (Object.keys(changes).length === 0) throw new UsageError("give at least one thing to change");
      const session = openSession(options, context);
      const rule = await session.api.alertRules.update(known, changes);
      show(session, rule, () => rows([rule], ruleColumns, session));
    });
}

function rows<Row>(items: readonly Row[], columns: readonly Column<Row>[], { output }: Session): string[] {
  return table(items, columns, output.columns(), output.paint);
}

function one(alert: Alert, { output }: Session): string[] {
  const { resource, resolution } = alert;
  const by = alert.acknowledged_by ? ` by ${alert.acknowledged_by}` : "";
  const comment = alert.acknowledgement_comment ? `: ${alert.acknowledgement_comment}` : "";
  const closed = resolution && `${resolution.reason}${resolution.comment ? `: ${resolution.comment}` : ""}`;
  return details(
    [
      ["id", alert.alert_id],
      ["title", alert.title],
      ["message", alert.message],
      ["state", remarks(alert)],
      ["severity", alert.severity],
      ["resource", about(alert)],
      ["value", `${measured(resource.current_value, resource.unit)} (threshold ${resource.threshold}${resource.unit})`],
      ["worst", measured(alert.peak_value, resource.unit)],
      ["opened", alert.opened_at ?? alert.created_at],
      ["acknowledged", alert.acknowledged_at ? `${alert.acknowledged_at}${by}${comment}` : NOTHING],
      ["resolved", alert.resolved_at ? `${alert.resolved_at} (${closed ?? "recovered"})` : NOTHING],
      ["to do", alert.actions.join(", ") || NOTHING],
    ],
    output.paint,
  );
}

function about({ resource }: Alert): string {
  return resource.id ? `${resource.type} ${resource.id}` : resource.type;
}

/** The state, with what else is to be known at a glance. */
function remarks({ state, stale, flapping, silenced }: Alert): string {
  const also = Object.entries({ stale, flapping, silenced }).flatMap(([word, is]) => (is ? [word] : []));
  return also.length === 0 ? state : `${state} (${also.join(", ")})`;
}

const alertColumns: readonly Column<Alert>[] = [
  { title: "ID", value: ({ alert_id }) => alert_id },
  { title: "STATE", value: remarks },
  { title: "SEVERITY", value: ({ severity }) => severity, paint: ({ severity }) => severityFormat[severity] },
  { title: "RESOURCE", value: about },
  { title: "SINCE", value: ({ created_at }) => ago(created_at, Date.now()) },
  { title: "MESSAGE", value: ({ message }) => message, shrinks: true },
];

const silenceColumns: readonly Column<Silence>[] = [
  { title: "ID", value: ({ silence_id }) => silence_id },
  { title: "UNTIL", value: ({ until }) => until },
  { title: "KEY", value: ({ key }) => key ?? NOTHING, shrinks: true },
  { title: "TYPE", value: ({ type }) => type ?? NOTHING, shrinks: true },
  { title: "RESOURCE", value: ({ resource }) => resource ?? NOTHING, shrinks: true },
  { title: "BY", value: ({ created_by }) => created_by ?? NOTHING, shrinks: true },
  { title: "COMMENT", value: ({ comment }) => comment ?? NOTHING, shrinks: true },
];

const ruleColumns: readonly Column<AlertRule>[] = [
  { title: "RULE", value: ({ name }) => name },
  { title: "ON", value: ({ enabled }) => (enabled ? "yes" : "no"), paint: (rule) => (rule.enabled ? "green" : "dim") },
  { title: "WARNING", value: ({ warning, unit }) => threshold(warning, unit) },
  { title: "CRITICAL", value: ({ critical, unit }) => threshold(critical, unit) },
  { title: "BACK BY", value: ({ hysteresis, unit }) => threshold(hysteresis, unit) },
  { title: "FOR", value: ({ for_seconds }) => `${for_seconds}s` },
  { title: "CLEAR", value: ({ clear_seconds }) => `${clear_seconds}s` },
  { title: "CLOSES", value: ({ auto_resolve }) => (auto_resolve ? "by itself" : "by hand") },
  { title: "CHANGED", value: ({ changed }) => changed.join(", ") || NOTHING, shrinks: true },
];

/** What is so or not has no unit, and no threshold that would say anything. */
function threshold(value: number, unit: string): string {
  return unit === "" ? NOTHING : `${value}${unit}`;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m` in milliseconds. */
function duration(text: string): number {
  const [, count, unit = ""] = /^([0-9]+)([smhd])$/.exec(text) ?? [];
  const each = UNITS[unit];
  if (count === undefined || each === undefined) throw new InvalidArgumentError("It must look like 30m, 8h or 2d.");
  return Number(count) * each;
}

/** What the API takes: null for the configured value. An option's own value cannot be null. */
function wanted<Value>(value: Value | "default" | undefined): Value | null | undefined {
  return value === "default" ? null : value;
}

function orDefault(text: string): number | "default" {
  return text === "default" ? text : number(text);
}

function flag(text: string): boolean | "default" {
  if (text === "on") return true;
  if (text === "off") return false;
  if (text === "default") return text;
  throw new InvalidArgumentError("It must be on, off or default.");
}
