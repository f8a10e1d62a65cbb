import initial from "./migrations/0000_initial.sql" with { type: "text" };
import gpus from "./migrations/0001_smart_the_captain.sql" with { type: "text" };
import history from "./migrations/0002_history.sql" with { type: "text" };
import access from "./migrations/0003_access.sql" with { type: "text" };
import activitySearch from "./migrations/0004_activity_search.sql" with { type: "text" };
import alerts from "./migrations/0005_alerts.sql" with { type: "text" };
import restarts from "./migrations/0006_restarts.sql" with { type: "text" };
import ports from "./migrations/0007_ports.sql" with { type: "text" };
import channels from "./migrations/0008_talented_alex_wilder.sql" with { type: "text" };
import outbox from "./migrations/0009_tan_scalphunter.sql" with { type: "text" };
import failures from "./migrations/0010_failures.sql" with { type: "text" };
import activityResourceSeverity from "./migrations/0011_activity_resource_severity.sql" with { type: "text" };

/**
 * The migrations in the order they are applied, as text so that they are inside the binary. A database's
 * `user_version` is how many of them it has. `bun run db:generate` writes the next file; add it here and never edit it.
 */
export const migrations: readonly { readonly tag: string; readonly sql: string }[] = [
  { tag: "0000_initial", sql: initial },
  { tag: "0001_smart_the_captain", sql: gpus },
  { tag: "0002_history", sql: history },
  { tag: "0003_access", sql: access },
  { tag: "0004_activity_search", sql: activitySearch },
  { tag: "0005_alerts", sql: alerts },
  { tag: "0006_restarts", sql: restarts },
  { tag: "0007_ports", sql: ports },
  { tag: "0008_talented_alex_wilder", sql: channels },
  { tag: "0009_tan_scalphunter", sql: outbox },
  { tag: "0010_failures", sql: failures },
  { tag: "0011_activity_resource_severity", sql: activityResourceSeverity },
];
