import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { alerts } from "../../db/schema.ts";
import type { IncidentChange } from "../../src/alerts/incident-hook.ts";
import { type Alert, createSilence, ProblemError } from "../../src/contract/index.ts";
import { Rig } from "./rig.ts";

/** What can happen to the memory's alert, by whomever. */
const happening = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(50, 50, 78, 85, 95, 95, null).map((memory) => ({ do: "sample", memory }) as const),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("silence" as const), minutes: fc.integer({ min: 1, max: 5 }) }) },
  ...(["unsilence", "acknowledge", "resolve", "restart", "kill", "sleep", "toggle"] as const).map((what) => ({
    weight: 1,
    arbitrary: fc.constant({ do: what }),
  })),
);

/** What may follow on what, by the state in which the alert was left. */
const AFTER: Record<IncidentChange["kind"], readonly Alert["state"][]> = {
  opened: ["firing"],
  reopened: ["firing"],
  escalated: ["firing"],
  deescalated: ["firing", "acknowledged"],
  resolved: ["resolved"],
  flapping: ["firing", "acknowledged"],
  settled: ["firing", "acknowledged"],
  stale: ["firing", "acknowledged"],
  fresh: ["firing", "acknowledged"],
  acknowledged: ["acknowledged"],
  unacknowledged: ["firing"],
  silenced: ["firing", "acknowledged"],
  unsilenced: ["firing", "acknowledged"],
};

test("whatever people and machines do, in whatever order, there is one story, and silences hold for all of it", async () => {
  const kinds = new Set<string>();
  const property = fc.asyncProperty(fc.array(happening, { minLength: 20, maxLength: 80 }), async (story) => {
    using rig = new Rig();
    let enabled = true;
    const silencedNow = () => rig.alerts.silences().length > 0;
    for (const event of story) {
      const before = rig.heard.length;
      const open = rig.alerts.list({ limit: 1 }).items.find(({ state }) => state !== "resolved")?.alert_id ?? "alert_1";
      try {
        switch (event.do) {
          case "sample":
            await rig.samples(8, { memory: event.memory });
            break;
          case "silence": {
            const until = new Date(rig.clock.now() + event.minutes * 60_000).toISOString();
            rig.alerts.silence(createSilence.parse({ key: "mem*", until }), null);
            break;
          }
          case "unsilence":
            rig.alerts.unsilence(rig.alerts.silences()[0]?.silence_id ?? "sil-1");
            break;
          case "acknowledge":
            rig.alerts.acknowledge(open, null, null);
            break;
          case "resolve":
            rig.alerts.resolve(open, null, null);
            break;
          case "restart":
            rig.restart();
            break;
          case "kill":
            rig.kill();
            break;
          case "sleep":
            await rig.clock.stall(400_000);
            await rig.sample({ memory: null });
            break;
          case "toggle":
            enabled = !enabled;
            rig.alerts.updateRule("memory", { enabled }, null);
            break;
          default:
            event satisfies never;
        }
      } catch (error) {
        // What is over, or not there, cannot be acted on; nothing else may go wrong.
        if (!(error instanceof ProblemError)) throw error;
      }
      // Eight samples are 16 seconds, in which a silence may end: told is what held at the time.
      if (event.do !== "sample") {
        for (const { silenced } of rig.heard.slice(before)) expect(silenced).toBe(silencedNow());
      }
      const rows = rig.store.db.select().from(alerts).where(sql`resolved_at is null`).all();
      expect(rows.length).toBeLessThanOrEqual(enabled ? 1 : 0);
      for (const row of rows) expect((row.data as Alert).silenced).toBe(silencedNow());
    }
    let last: IncidentChange | undefined;
    for (const change of rig.heard) {
      const { kind, incident, previous, seq, silenced } = change;
      kinds.add(kind);
      expect(AFTER[kind]).toContain(incident.state);
      expect(silenced).toBe(incident.silenced ?? false);
      expect(seq).toBe((last?.seq ?? 0) + 1);
      // Each goes on from where the one before has led.
      const open = last && last.incident.state !== "resolved" ? last.incident : null;
      expect(previous?.alert_id).toBe(open?.alert_id);
      expect(previous?.state).toBe(open?.state);
      expect(previous?.severity).toBe(open?.severity);
      if (open) expect(incident.alert_id).toBe(open.alert_id);
      last = change;
    }
    expect(rig.pushed.map(({ data }) => data)).toEqual(rig.heard.map(({ incident }) => incident));
    expect(rig.logged).toEqual([]);
  });
  await fc.assert(property, { numRuns: 20 });
  for (const kind of ["opened", "reopened", "escalated", "resolved", "silenced", "unsilenced"])
    expect(kinds).toContain(kind);
}, 60_000);
