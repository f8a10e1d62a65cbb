import { describe, expect, test } from "bun:test";
import type { ModelStatusEntry } from "../../src/contract/index.ts";
import {
  countDeployments,
  deploymentChanged,
  deploymentsListed,
  lacksReason,
  statusTicked,
  uptimeSeconds,
} from "../../src/dashboard/state/deployments.ts";
import { deployment, deploymentEvent, statusEntry } from "./examples.ts";

const SEEN = 1_000_000;

function tick(...models: ModelStatusEntry[]) {
  return { total_models: models.length, running_models: 0, failed_models: 0, models };
}

describe("deployments", () => {
  test("a tick lists all there are: new ones appear, removed ones go", () => {
    const rows = statusTicked(
      statusTicked(undefined, tick(statusEntry(1), statusEntry(2)), SEEN),
      tick(statusEntry(2), statusEntry(3)),
      SEEN,
    );
    expect(rows?.map((row) => row.deployment_id)).toEqual(["dep-2", "dep-3"]);
  });

  test("a reason stays as long as the trouble it explains", () => {
    const failed = { status: "failed", health_status: "unknown" } as const;
    let rows = deploymentsListed([deployment(1, { ...failed, reason: "out of memory" })], SEEN);
    rows = statusTicked(rows, tick(statusEntry(1, failed)), SEEN);
    expect(rows?.[0]?.reason).toBe("out of memory");
    rows = statusTicked(rows, tick(statusEntry(1)), SEEN);
    expect(rows?.[0]?.reason).toBeNull();
  });

  test("trouble without a reason asks for the list, a reason or health does not", () => {
    const unhealthy = statusEntry(1, { health_status: "unhealthy" });
    const listed = deployment(1, { health_status: "unhealthy", reason: "timeout" });
    expect(lacksReason(undefined)).toBe(false);
    expect(lacksReason(statusTicked(undefined, tick(unhealthy), SEEN))).toBe(true);
    expect(lacksReason(deploymentsListed([listed], SEEN))).toBe(false);
    expect(lacksReason(statusTicked(undefined, tick(statusEntry(1)), SEEN))).toBe(false);
  });

  test("an event changes its own row at once", () => {
    const starting = statusEntry(1, { status: "deploying", health_status: "unknown", uptime_seconds: 0 });
    let rows = statusTicked(undefined, tick(starting, statusEntry(2)), SEEN);
    rows = deploymentChanged(rows, deploymentEvent(1), SEEN + 3000);
    expect(rows?.[0]).toMatchObject({
      status: "running",
      health_status: "healthy",
      uptime_seconds: 0,
      seenAt: SEEN + 3000,
      reason: null,
    });
    expect(rows?.[1]).toMatchObject({ deployment_id: "dep-2", seenAt: SEEN });
    const failure = deploymentEvent(1, {
      event: "deployment_failed",
      status: "failed",
      details: { name: "One", model_source: "local", port: null, reason: "crashed" },
    });
    rows = deploymentChanged(rows, failure, SEEN + 4000);
    expect(rows?.[0]).toMatchObject({
      name: "One",
      port: null,
      status: "failed",
      health_status: "unknown",
      reason: "crashed",
    });
  });

  test("an event of a deployment that is not known invents none", () => {
    expect(deploymentChanged(undefined, deploymentEvent(1), SEEN)).toBeUndefined();
    expect(deploymentChanged([], deploymentEvent(1), SEEN)).toEqual([]);
  });

  test("uptime ticks on between two messages, never back, and only while it runs", () => {
    const [row] = statusTicked(undefined, tick(statusEntry(1, { uptime_seconds: 10 })), SEEN) ?? [];
    const [stopped] = statusTicked(undefined, tick(statusEntry(1, { status: "stopped" })), SEEN) ?? [];
    if (!row || !stopped) throw new Error("no row");
    expect(uptimeSeconds(row, SEEN + 4000)).toBe(14);
    expect(uptimeSeconds(row, SEEN - 4000)).toBe(10);
    expect(uptimeSeconds(stopped, SEEN)).toBeUndefined();
  });

  test("counts", () => {
    const rows = statusTicked(
      undefined,
      tick(
        statusEntry(1),
        statusEntry(2, { health_status: "unhealthy" }),
        statusEntry(3, { status: "deploying", health_status: "unknown" }),
        statusEntry(4, { status: "failed", health_status: "unknown" }),
      ),
      SEEN,
    );
    expect(countDeployments(rows ?? [])).toEqual({ total: 4, running: 2, starting: 1, unhealthy: 1, failed: 1 });
  });
});
