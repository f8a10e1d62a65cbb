import { describe, expect, test } from "bun:test";
import { type DashboardEvent, initialState, reduce } from "../../src/dashboard/state/dashboard-state.ts";
import { linkStatus } from "../../src/dashboard/state/link.ts";
import { activity, alert, sample } from "./examples.ts";

const AT = Date.parse("2025-01-01T12:00:00.000Z");

function after(...events: DashboardEvent[]) {
  return events.reduce(reduce, initialState(AT));
}

describe("connection status", () => {
  test("is live only while samples come", () => {
    expect(linkStatus("connected", undefined, 0)).toBe("connecting");
    expect(linkStatus("connected", 0, 100)).toBe("live");
    expect(linkStatus("connected", 6000, 60_000)).toBe("live");
    expect(linkStatus("connected", 6001, 60_000)).toBe("stale");
  });

  test("is stale when a connection never gets a sample", () => {
    expect(linkStatus("connected", undefined, 6001)).toBe("stale");
  });

  test("a connection just made anew is given time for its first sample", () => {
    expect(linkStatus("connected", 120_000, 500)).toBe("live");
  });

  test("an interruption is told at once, however fresh the last sample", () => {
    expect(linkStatus("reconnecting", 0, 0)).toBe("reconnecting");
    expect(linkStatus("unauthorized", undefined, 0)).toBe("unauthorized");
  });
});

describe("dashboard state", () => {
  test("a first attempt that fails is still connecting", () => {
    expect(after({ kind: "interrupted", at: AT }).link).toBe("connecting");
    expect(after({ kind: "connected", at: AT }, { kind: "interrupted", at: AT }).link).toBe("reconnecting");
  });

  test("what was seen goes when the server refuses the token", () => {
    const state = after(
      { kind: "connected", at: AT },
      { kind: "resources", at: AT, update: sample(0, 45) },
      { kind: "activities", activities: [activity(1)] },
      { kind: "alert", alert: alert(1) },
      { kind: "unauthorized", at: AT, refusal: "This server does not know the token." },
    );
    expect(state).toEqual({
      ...initialState(AT),
      link: "unauthorized",
      refusal: "This server does not know the token.",
    });
  });

  test("samples fill the history and keep a gap where the connection was lost", () => {
    const state = after(
      { kind: "resources", at: AT, update: sample(0, 10) },
      { kind: "resources", at: AT + 2000, update: sample(2, null) },
      { kind: "resources", at: AT + 40_000, update: sample(40, 30) },
    );
    expect(state.resources.history.columns.cpu).toEqual([10, null, null, 30]);
    expect(state.resources.history.columns["network.recv"]).toEqual([null, null, null, null]);
    expect(state.resources.receivedAt).toBe(AT + 40_000);
  });

  test("a clock that is wrong is reckoned with, the way of a message is not", () => {
    expect(after({ kind: "resources", at: AT + 200, update: sample(0, 1) }).resources.clockOffset).toBe(0);
    expect(after({ kind: "resources", at: AT - 60_000, update: sample(0, 1) }).resources.clockOffset).toBe(60_000);
  });

  test("open alerts stay shown through an interruption", () => {
    const state = after(
      { kind: "connected", at: AT },
      { kind: "alerts", listed: [alert(1)] },
      { kind: "interrupted", at: AT },
      { kind: "connected", at: AT },
    );
    expect([...state.alerts.keys()]).toEqual(["alert_1"]);
  });
});
