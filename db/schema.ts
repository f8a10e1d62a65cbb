import { sql } from "drizzle-orm";
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/*
 * Every table, with what a row means. Times are milliseconds since the epoch. Ids that people see (`act-456`) are
 * AUTOINCREMENT numbers with a prefix, so they are ordered and never used twice, even after a deletion.
 */

/** A model somebody registered: what it is and where its weights come from. */
export const models = sqliteTable("models", {
  modelId: text("model_id").primaryKey(),
  name: text("name").notNull(),
  modelSource: text("model_source").notNull(),
  uri: text("uri"),
  description: text("description"),
  sizeBytes: integer("size_bytes"),
  contextLength: integer("context_length"),
  tags: text("tags", { mode: "json" }).$type<readonly string[]>().notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/** A model that somebody wants to be served: how, where, and what is true of it now. */
export const deployments = sqliteTable(
  "deployments",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    modelId: text("model_id")
      .notNull()
      .references(() => models.modelId, { onDelete: "restrict" }),
    name: text("name").notNull(),
    runtime: text("runtime").notNull(),
    host: text("host").notNull(),
    port: integer("port"),
    /** Whether the server chose the port, so that it may choose another one; false when the user asked for it. */
    portChosen: integer("port_chosen", { mode: "boolean" }).notNull().default(false),
    cpuCores: real("cpu_cores"),
    memoryLimit: text("memory_limit"),
    gpus: text("gpus", { mode: "json" }).$type<readonly number[]>(),
    contextLength: integer("context_length"),
    args: text("args", { mode: "json" }).$type<readonly string[]>().notNull(),
    env: text("env", { mode: "json" }).$type<Readonly<Record<string, string>>>().notNull(),
    /** A `HealthCheck` of the contract. */
    health: text("health", { mode: "json" }).$type<unknown>().notNull(),
    /** What the user asked for last, `running` or `stopped`; the supervisor makes it true, also after a restart. */
    desired: text("desired").notNull(),
    status: text("status").notNull(),
    healthStatus: text("health_status").notNull(),
    reason: text("reason"),
    /** A `Failure` of the contract: how it failed last, until it runs again or a user does something about it. */
    failure: text("failure", { mode: "json" }).$type<unknown>(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    /** When the present or last start began, and when it was ready. */
    startedAt: integer("started_at"),
    deployedAt: integer("deployed_at"),
    /** `always`, `on-failure` or `never`. */
    restartPolicy: text("restart_policy").notNull().default("never"),
    /** How it failed lately and when it is restarted; null when it has not failed. */
    restarts: text("restarts", { mode: "json" }).$type<unknown>(),
    crashLoop: integer("crash_loop", { mode: "boolean" }).notNull().default(false),
  },
  (table) => [index("deployments_model").on(table.modelId)],
);

/** A start that became ready: what `estimated_completion` is the median of. */
export const deploymentStarts = sqliteTable(
  "deployment_starts",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    modelId: text("model_id").notNull(),
    runtime: text("runtime").notNull(),
    readyMs: integer("ready_ms").notNull(),
  },
  (table) => [index("deployment_starts_model").on(table.modelId, table.runtime, table.id)],
);

/**
 * One line of history: something that happened, to what, and how bad it was. Never changed once written, deleted only
 * from the oldest on. The row's number is the last column of every index, so each is in the order of the pages.
 */
export const activities = sqliteTable(
  "activities",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    activityType: text("activity_type").notNull(),
    message: text("message").notNull(),
    severity: text("severity").notNull(),
    resourceType: text("resource_type"),
    resourceId: text("resource_id"),
    extraData: text("extra_data", { mode: "json" }).$type<Readonly<Record<string, unknown>>>().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    index("activities_kind").on(table.activityType, table.severity),
    index("activities_resource_type").on(table.resourceType),
    index("activities_resource_id").on(table.resourceId, table.severity),
  ],
);

/**
 * The first activity after the clock was set back. Between two of these the times of activities go up with their
 * numbers, so that a time is found by halving and needs no index.
 */
export const activityClockSteps = sqliteTable("activity_clock_steps", {
  firstId: integer("first_id").primaryKey(),
});

/** What the search index keeps about itself: the number of the last activity in it (`indexed`). */
export const activityState = sqliteTable("activity_state", {
  name: text("name").primaryKey(),
  value: integer("value").notNull(),
});

/** One push of the `deployment_events` stream, kept as it was sent; outlives its deployment. */
export const deploymentEvents = sqliteTable(
  "deployment_events",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    deploymentId: text("deployment_id").notNull(),
    /** The `DeploymentEvent` of the contract. */
    data: text("data", { mode: "json" }).$type<unknown>().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [index("deployment_events_deployment").on(table.deploymentId, table.id)],
);

/** An incident: one thing that is or was wrong with one resource, from its opening to its resolution. */
export const alerts = sqliteTable(
  "alerts",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    /** Which resource instance, e.g. `memory`, `gpu:0:memory`, `deployment:dep-3`. */
    key: text("key").notNull(),
    type: text("type").notNull(),
    state: text("state").notNull(),
    severity: text("severity").notNull(),
    /** The newest `Alert` of the contract. */
    data: text("data", { mode: "json" }).$type<unknown>().notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    resolvedAt: integer("resolved_at"),
  },
  (table) => [
    // The one rule that makes duplicates impossible: at most one open incident per resource instance.
    uniqueIndex("alerts_open").on(table.key).where(sql`resolved_at is null`),
    index("alerts_key").on(table.key, table.id),
  ],
);

/** One push of the `system_alerts` stream: an incident at one of its changes, kept as it was sent. */
export const alertEvents = sqliteTable(
  "alert_events",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    alertId: integer("alert_id")
      .notNull()
      .references(() => alerts.id, { onDelete: "cascade" }),
    data: text("data", { mode: "json" }).$type<unknown>().notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [index("alert_events_alert").on(table.alertId, table.id)],
);

/** What the state machine knows of a resource instance, so that a restart goes on where it was. */
export const alertStates = sqliteTable("alert_states", {
  key: text("key").primaryKey(),
  rule: text("rule").notNull(),
  /** The `AlertState` of src/alerts/step.ts. */
  state: text("state", { mode: "json" }).$type<unknown>().notNull(),
  savedAt: integer("saved_at").notNull(),
});

/** What was changed over the API about an alert rule. */
export const alertRuleChanges = sqliteTable("alert_rule_changes", {
  name: text("name").primaryKey(),
  /** Some of the settings of a rule. */
  changes: text("changes", { mode: "json" }).$type<Readonly<Record<string, unknown>>>().notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/** For which alerts nobody is told anything for a while. */
export const alertSilences = sqliteTable("alert_silences", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  keyPattern: text("key_pattern"),
  typePattern: text("type_pattern"),
  resourcePattern: text("resource_pattern"),
  until: integer("until").notNull(),
  comment: text("comment"),
  createdBy: text("created_by"),
  createdAt: integer("created_at").notNull(),
});

/** A secret that lets its bearer in, stored as its hash. Kept when it is over, so that the history has a name for it. */
export const accessTokens = sqliteTable("access_tokens", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  /** SHA-256 of the token, hex. Tokens are 256 random bits, so a plain hash cannot be searched. */
  hash: text("hash").notNull().unique(),
  name: text("name").notNull().default("first start"),
  /** A role's scopes are those it has now; null where `scopes` lists them. */
  role: text("role"),
  scopes: text("scopes", { mode: "json" }).$type<readonly string[]>(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at"),
  lastUsedAt: integer("last_used_at"),
  revokedAt: integer("revoked_at"),
});

/** A browser that has signed in; gone when it has signed out or its time is over. */
export const accessSessions = sqliteTable("access_sessions", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  /** What of the cookie's secret is stored, hex; see `sessions.ts`. */
  hash: text("hash").notNull().unique(),
  /** The token it was exchanged for; null where that is configured and not stored. */
  tokenId: integer("token_id").references(() => accessTokens.id, { onDelete: "cascade" }),
  name: text("name").notNull(),
  role: text("role"),
  scopes: text("scopes", { mode: "json" }).$type<readonly string[]>(),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at").notNull(),
  /** When it ends, however much it is used. */
  expiresAt: integer("expires_at").notNull(),
});

/** One measured thing with a history: `resources` and `cpu`, `dep-12` and `latency`. */
export const historySeries = sqliteTable(
  "history_series",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    source: text("source").notNull(),
    metric: text("metric").notNull(),
  },
  (table) => [uniqueIndex("history_series_name").on(table.source, table.metric)],
);

/**
 * One tier of the history. A row is what was measured of a series during one bucket, `bucket` being the time divided by
 * the tier's step. The migration makes these WITHOUT ROWID, which the schema cannot say: a series' buckets lie side by
 * side, so that a chart reads few pages.
 */
function historyTier(name: string) {
  return sqliteTable(
    name,
    {
      series: integer("series").notNull(),
      bucket: integer("bucket").notNull(),
      avg: real("avg").notNull(),
      min: real("min").notNull(),
      max: real("max").notNull(),
      count: integer("count").notNull(),
    },
    (table) => [primaryKey({ columns: [table.series, table.bucket] })],
  );
}

export const history10s = historyTier("history_10s");
export const history1m = historyTier("history_1m");
export const history10m = historyTier("history_10m");
export const history1h = historyTier("history_1h");

/** What the recorder keeps about itself: rows in each tier (`rows:10s`, …), and since when it records (`recording`). */
export const historyState = sqliteTable("history_state", {
  name: text("name").primaryKey(),
  value: integer("value").notNull(),
});

/** Somewhere that alerts are told to. Its rows in other tables go with it. */
export const channels = sqliteTable("channels", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull().unique(),
  kind: text("kind").notNull(),
  /** `api`, or `file`: a table of the configuration, which is where its settings stay. */
  source: text("source").notNull(),
  enabled: integer("enabled", { mode: "boolean" }).notNull(),
  minSeverity: text("min_severity").notNull(),
  events: text("events", { mode: "json" }).$type<readonly string[]>().notNull(),
  remindCriticalMinutes: integer("remind_critical_minutes").notNull(),
  remindMinutes: integer("remind_minutes").notNull(),
  /** The `ChannelSettings` of its kind, secrets included; null for `file`. */
  settings: text("settings", { mode: "json" }).$type<unknown>(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
});

/**
 * Something a channel is to be told of one alert: the outbox, and what became of it. Written in the transaction of what
 * happened, so that neither is there without the other.
 */
export const notifications = sqliteTable(
  "notifications",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    channelId: integer("channel_id")
      .notNull()
      .references(() => channels.id, { onDelete: "cascade" }),
    alertId: integer("alert_id").notNull(),
    /** The alert event that it tells of; with `round`, which counts reminders, it cannot be there twice. */
    seq: integer("seq").notNull(),
    round: integer("round").notNull(),
    event: text("event").notNull(),
    /** `pending`, `sent`, `dropped` or `dead`. */
    state: text("state").notNull(),
    /** The message it went into, alone or with others; null until it is put into one, and the same from then on. */
    messageId: text("message_id"),
    attempts: integer("attempts").notNull(),
    /** How long was waited between attempts. Not the time since: the clock may jump, and a server may be off. */
    waitedMs: integer("waited_ms").notNull(),
    nextAttemptAt: integer("next_attempt_at"),
    /** Why the last attempt failed, or it was dropped. */
    reason: text("reason"),
    happenedAt: integer("happened_at").notNull(),
    sentAt: integer("sent_at"),
    /** The `Alert` of the contract as it was then. */
    data: text("data", { mode: "json" }).$type<unknown>().notNull(),
  },
  (table) => [
    uniqueIndex("notifications_once").on(table.alertId, table.seq, table.channelId, table.round),
    index("notifications_state").on(table.channelId, table.state, table.id),
    index("notifications_alert").on(table.channelId, table.alertId, table.id),
  ],
);

/** What a channel knows of an alert: who was told of its beginning is told of its end, and reminded until then. */
export const channelAlerts = sqliteTable(
  "channel_alerts",
  {
    channelId: integer("channel_id")
      .notNull()
      .references(() => channels.id, { onDelete: "cascade" }),
    alertId: integer("alert_id").notNull(),
    /** `open`, `over` (its end was told), or `quiet` (it came back, and that was not told). */
    phase: text("phase").notNull(),
    /** As it was last told. */
    severity: text("severity").notNull(),
    /** The newest alert event that was heard, and how many reminders there were since. */
    seq: integer("seq").notNull(),
    round: integer("round").notNull(),
    /** When to remind of it; null when nobody wants to be. */
    remindAt: integer("remind_at"),
    /** Whether somebody took care of it, so that nobody is reminded. */
    muted: integer("muted", { mode: "boolean" }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.channelId, table.alertId] }),
    index("channel_alerts_remind").on(table.remindAt),
  ],
);
