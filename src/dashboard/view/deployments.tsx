// biome-ignore-all lint/a11y/noRedundantRoles: on a narrow screen the rows are laid out as a grid, which takes the roles
// away in some browsers; so they are spelled out.
import { address, duration, NO_VALUE, timeOfDay, words } from "../format.ts";
import { countDeployments, type DeploymentRow, uptimeSeconds } from "../state/deployments.ts";
import { FirstDeployment } from "./first-deployment.tsx";
import { usePage } from "./page-context.ts";

export function Deployments() {
  const rows = usePage().deployments.value;
  return (
    <section class="panel deployments" aria-labelledby="deployments-title">
      <header class="panel-head">
        <h2 id="deployments-title">Deployments</h2>
        {rows !== undefined && rows.length > 0 && <Counts rows={rows} />}
      </header>
      {rows?.length === 0 && <FirstDeployment />}
      {rows !== undefined && rows.length > 0 && <DeploymentTable rows={rows} />}
    </section>
  );
}

function Counts({ rows }: { rows: readonly DeploymentRow[] }) {
  const counts = countDeployments(rows);
  const shown = [
    `${counts.running} of ${counts.total} running`,
    counts.starting > 0 && `${counts.starting} starting`,
    counts.unhealthy > 0 && `${counts.unhealthy} unhealthy`,
    counts.failed > 0 && `${counts.failed} failed`,
  ].filter((part) => part !== false);
  return <p class="panel-note">{shown.join(" · ")}</p>;
}

function DeploymentTable({ rows }: { rows: readonly DeploymentRow[] }) {
  return (
    <table role="table" class="deployment-table" aria-labelledby="deployments-title">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Name
          </th>
          <th role="columnheader" scope="col">
            Status
          </th>
          <th role="columnheader" scope="col">
            Uptime
          </th>
          <th role="columnheader" scope="col">
            Runtime
          </th>
          <th role="columnheader" scope="col">
            Address
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <DeploymentLine key={row.deployment_id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function DeploymentLine({ row }: { row: DeploymentRow }) {
  return (
    <tr role="row" class="deployment" data-id={row.deployment_id}>
      <th role="rowheader" scope="row" class="deployment-name">
        <span class="ellipsis" title={row.name}>
          {row.name}
        </span>
        <span class="deployment-model ellipsis" title={`${row.model_id} · ${row.deployment_id}`}>
          {row.model_id}
        </span>
      </th>
      <td role="cell" class="deployment-status">
        <StatusBadge row={row} />
        {row.reason !== null && (
          <p class="deployment-reason" title={row.reason}>
            {row.reason}
          </p>
        )}
        <StartProgress row={row} />
        <Restarts row={row} />
      </td>
      <td role="cell" class="deployment-uptime">
        <Uptime row={row} />
        <Load row={row} />
      </td>
      <td role="cell" class="deployment-runtime">
        {row.runtime ?? NO_VALUE}
      </td>
      <td role="cell" class="deployment-address">
        {address(row.host, row.port)}
      </td>
    </tr>
  );
}

/** One word where status and health agree, both where health adds something. */
function StatusBadge({ row }: { row: DeploymentRow }) {
  const health = row.status === "running" ? row.health_status : undefined;
  return (
    <span class="badge" data-status={row.status} data-health={health}>
      <span class="dot" aria-hidden="true" />
      {words(row.status)}
      {health !== undefined && <span class="badge-health"> · {health}</span>}
    </span>
  );
}

/** What the engine is at, in one line under its uptime; nothing where it does not tell. */
function Load({ row: { metrics } }: { row: DeploymentRow }) {
  if (!metrics) return null;
  const { generation_tokens_per_second: tokens, requests_running: running, requests_waiting: waiting } = metrics;
  const parts = [
    tokens !== null && `${tokens.toFixed(tokens < 10 ? 1 : 0)} tok/s`,
    running !== null && running > 0 && `${running} active`,
    waiting !== null && waiting > 0 && `${waiting} waiting`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? null : <p class="deployment-load">{parts.join(" · ")}</p>;
}

function StartProgress({ row: { progress, estimated_completion: at } }: { row: DeploymentRow }) {
  const parts = [
    progress && (progress.percent === null ? progress.step : `${progress.step}, ${progress.percent} %`),
    at && `ready at about ${timeOfDay(Date.parse(at))}`,
  ].filter((part) => typeof part === "string");
  return parts.length === 0 ? null : <p class="deployment-progress">{words(parts.join(" · "))}</p>;
}

/** Said only while the supervisor is at it; that a deployment was restarted some time ago helps nobody here. */
function Restarts({ row }: { row: DeploymentRow }) {
  const { crash_loop: loops = false, next_restart_at: next = null } = row;
  if (!loops && next === null) return null;
  return (
    <p class="deployment-restarts">
      {loops && <span class="badge-loop">crash loop</span>}
      {next !== null && `restarts at ${timeOfDay(Date.parse(next))}`}
    </p>
  );
}

/**
 * A component of its own, so that a second's tick draws this and nothing else anew. It stops with the connection: whether
 * the deployment still runs, nobody knows then.
 */
function Uptime({ row }: { row: DeploymentRow }) {
  const { now, status, resources } = usePage();
  const lastHeard = resources.value.receivedAt;
  const until = status.value === "reconnecting" && lastHeard !== undefined ? lastHeard : now.value;
  return <>{duration(uptimeSeconds(row, until))}</>;
}
