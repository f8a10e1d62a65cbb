import type { Alert } from "../../contract/index.ts";
import { words } from "../format.ts";
import { Age } from "./ages.tsx";
import { usePage } from "./page-context.ts";

/** The worst open alert, the others on demand. The strip is always there, so nothing moves when an alert opens. */
export function AlertStrip() {
  const alerts = usePage().alerts.value;
  const [worst, ...others] = alerts ?? [];
  return (
    <section class="alerts" aria-label="Open alerts" data-severity={worst?.severity ?? "none"}>
      {worst === undefined && (
        <p class="alert">
          <span class="alert-mark" aria-hidden="true" />
          <span class="alert-text">{alerts ? "No open alerts" : "Looking for alerts…"}</span>
        </p>
      )}
      {worst !== undefined && others.length === 0 && <AlertLine alert={worst} />}
      {worst !== undefined && others.length > 0 && (
        <details>
          <summary>
            <AlertLine alert={worst} />
            <span class="alert-more">+{others.length} more</span>
          </summary>
          <ul>
            {others.map((alert) => (
              <li key={alert.alert_id} data-severity={alert.severity}>
                <AlertLine alert={alert} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function AlertLine({ alert }: { alert: Alert }) {
  return (
    <span class="alert">
      <span class="alert-mark" aria-hidden="true" />
      <span class="alert-severity">{words(alert.severity)}</span>
      <span class="alert-text">
        <strong>{alert.title}</strong> <span class="alert-message">{alert.message}</span>
      </span>
      <Age of={alert.created_at} />
    </span>
  );
}
