import { Addresses, systemResolve } from "../../../src/alerts/notifiers/addresses.ts";
import type { Http } from "../../../src/alerts/notifiers/http.ts";
import type { Notice, NoticeEntry, Origin } from "../../../src/alerts/notifiers/notifier.ts";
import { createNotifiers } from "../../../src/alerts/notifiers/notifiers.ts";
import type { Alert } from "../../../src/contract/index.ts";
import { post } from "../../../src/host/outgoing.ts";

export const OPENED = Date.UTC(2026, 10, 25, 12);
export const SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;

export const origin: Origin = { hostName: "gpu-box", version: "1.2.3", publicUrl: "https://llm.example.org" };

export function alertOf(changes: Partial<Alert> = {}): Alert {
  const at = new Date(OPENED).toISOString();
  return {
    alert_id: "alert_7",
    type: "memory_threshold",
    category: "resource_threshold",
    severity: "critical",
    title: "Critical Memory Usage",
    message: "Memory usage reached 92.1%",
    resource: { type: "memory", current_value: 92.1, threshold: 90, unit: "%" },
    actions: ["check_processes"],
    auto_resolve: true,
    state: "firing",
    created_at: at,
    updated_at: at,
    resolved_at: null,
    ...changes,
  };
}

export function noticeOf(
  entries: readonly [Partial<NoticeEntry>, ...Partial<NoticeEntry>[]] = [{}],
  now = OPENED + 5_000,
): Notice {
  const [first, ...more] = entries.map(
    (entry): NoticeEntry => ({ event: "opened", alert: alertOf(), happenedAt: OPENED, ...entry }),
  );
  if (!first) throw new Error("There is at least one");
  return { id: "msg_0197", entries: [first, ...more], now };
}

/** Notifiers that may reach this machine, over real connections. */
export const http: Http = { addresses: new Addresses(["on"], systemResolve), post };
export const notifiers = createNotifiers(http, origin);
export const noSignal = new AbortController().signal;
