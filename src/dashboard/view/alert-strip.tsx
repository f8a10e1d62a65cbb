import { useSignal } from "@preact/signals";
import type { Alert } from "../../contract/index.ts";
import { words } from "../format.ts";
import { Age } from "./ages.tsx";
import { usePage } from "./page-context.ts";

/** The worst open alert, the others on demand. The strip is always there, so nothing moves when an alert opens. */
export function AlertStrip() {
  const alerts = usePage().alerts.value;
  const open = useSignal(false);
  const [worst, ...others] = alerts ?? [];
  return (
    <section class="alerts" aria-label="Open alerts" data-severity={worst?.severity ?? "none"}>
      {worst === undefined && (
        <p class="alert">
          <span class="alert-mark" aria-hidden="true" />
          <span class="alert-text">{alerts ? "No open alerts" : "Looking for alerts…"}</span>
        </p>
      )}
      {worst !== undefined && (
        <AlertLine key={worst.alert_id} alert={worst} whole={open.value}>
          {others.length > 0 && (
            <button
              type="button"
              class="link-button alert-more"
              aria-expanded={open.value}
              aria-controls="other-alerts"
              onClick={() => {
                open.value = !open.value;
              }}
            >
              {open.value ? "Fewer" : `+${others.length} more`}
            </button>
          )}
        </AlertLine>
      )}
      {others.length > 0 && (
        <ul id="other-alerts" hidden={!open.value}>
          {others.map((alert) => (
            <li key={alert.alert_id} data-severity={alert.severity}>
              <AlertLine alert={alert} whole />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface AlertLineProps {
  alert: Alert;
  /** Whether a long text goes over several lines where there is little room. */
  whole: boolean;
  children?: preact.ComponentChildren;
}

function AlertLine({ alert, whole, children }: AlertLineProps) {
  return (
    <div class="alert" data-state={alert.state} data-whole={whole}>
      <span class="alert-mark" aria-hidden="true" />
      <span class="alert-severity">{words(alert.severity)}</span>
      <span class="alert-text">
        <strong>{alert.title}</strong> <span class="alert-message">{alert.message}</span>
      </span>
      {remarks(alert).map((remark) => (
        <span key={remark} class="alert-remark">
          {remark}
        </span>
      ))}
      <Age of={alert.opened_at ?? alert.created_at} />
      {alert.state === "firing" && <Acknowledge alert={alert} />}
      {children}
    </div>
  );
}

/** What is to be known of it besides what is wrong. */
function remarks({ state, stale, flapping, silenced, acknowledged_by }: Alert): string[] {
  return [
    ...(state === "acknowledged" ? [acknowledged_by ? `Acknowledged by ${acknowledged_by}` : "Acknowledged"] : []),
    ...(stale ? ["Not reported"] : []),
    ...(flapping ? ["Flapping"] : []),
    ...(silenced ? ["Silenced"] : []),
  ];
}

/** Says that somebody sees to it. The line changes when the server tells everybody. */
function Acknowledge({ alert }: { alert: Alert }) {
  const { acknowledge } = usePage();
  const sending = useSignal(false);
  const failure = useSignal<string | undefined>(undefined);
  const send = async () => {
    sending.value = true;
    failure.value = await acknowledge(alert.alert_id);
    sending.value = false;
  };
  return (
    <>
      {failure.value !== undefined && (
        <span class="alert-failure" role="alert">
          {failure.value}
        </span>
      )}
      <button
        type="button"
        class="button"
        disabled={sending.value}
        aria-label={`Acknowledge: ${alert.title}`}
        onClick={send}
      >
        Acknowledge
      </button>
    </>
  );
}
