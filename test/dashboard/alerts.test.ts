import { describe, expect, test } from "bun:test";
import {
  alertChanged,
  alertsInterrupted,
  alertsListed,
  type KnownAlerts,
  noAlerts,
  openAlerts,
} from "../../src/dashboard/state/alerts.ts";
import { alert } from "./examples.ts";

const LATER = "2025-01-01T12:05:00.000Z";

function shown(known: KnownAlerts): string[] {
  return openAlerts(known).map(({ alert_id, severity }) => `${alert_id} ${severity}`);
}

describe("open alerts", () => {
  test("worst first, then newest first", () => {
    const known = alertsListed(noAlerts, [
      alert(1),
      alert(2, { severity: "critical" }),
      alert(3, { created_at: LATER }),
      alert(4, { severity: "info" }),
    ]);
    expect(shown(known)).toEqual(["alert_2 critical", "alert_3 warning", "alert_1 warning", "alert_4 info"]);
  });

  test("what somebody sees to comes after what nobody does, however bad it is", () => {
    const known = alertsListed(noAlerts, [
      alert(1, { severity: "critical", state: "acknowledged" }),
      alert(2),
      alert(3, { state: "acknowledged" }),
    ]);
    expect(shown(known)).toEqual(["alert_2 warning", "alert_1 critical", "alert_3 warning"]);
  });

  test("a resolved alert is no longer shown, an acknowledged one is", () => {
    let known = alertsListed(noAlerts, [alert(1), alert(2)]);
    known = alertChanged(known, alert(1, { state: "resolved", severity: "info", updated_at: LATER }));
    known = alertChanged(known, alert(2, { state: "acknowledged", updated_at: LATER }));
    expect(shown(known)).toEqual(["alert_2 warning"]);
  });

  test("a list that was read before an alert was resolved does not bring it back", () => {
    const resolved = alertChanged(noAlerts, alert(1, { state: "resolved", updated_at: LATER }));
    expect(shown(alertsListed(resolved, [alert(1)]))).toEqual([]);
  });

  test("what came live while the list was read stays", () => {
    const live = alertChanged(noAlerts, alert(2, { severity: "critical" }));
    expect(shown(alertsListed(live, [alert(1)]))).toEqual(["alert_2 critical", "alert_1 warning"]);
  });

  test("what was resolved during an interruption goes away with the next list, not before", () => {
    let known = alertsInterrupted(alertsListed(noAlerts, [alert(1), alert(2)]));
    expect(shown(known)).toEqual(["alert_1 warning", "alert_2 warning"]);
    known = alertsListed(known, [alert(2, { severity: "critical", updated_at: LATER })]);
    expect(shown(known)).toEqual(["alert_2 critical"]);
  });

  test("stays bounded", () => {
    let known = noAlerts;
    for (let number = 1; number <= 1000; number += 1) known = alertChanged(known, alert(number));
    expect(known.size).toBe(500);
    expect(known.has("alert_1000")).toBe(true);
  });
});
