import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  activityStreamEvent,
  activityType,
  alertAction,
  alertType,
  deploymentEventsEvent,
  deploymentEventType,
  deploymentStatus,
  healthStatus,
  level,
  levelOf,
  modelStatusUpdate,
  severity,
  streamName,
  streams,
  subscriptionAck,
  systemAlertsEvent,
  systemResourcesUpdate,
} from "../../src/contract/index.ts";
import { validEvents } from "../../src/realtime/requests.ts";
import { announced, samples, words } from "./document.ts";

describe("the schemas say what the document says", () => {
  test("its samples fit, with the fields that decisions settled or added", () => {
    const [resources, models, activity, alert, deployment, ack] = samples as Record<string, Record<string, unknown>>[];
    expect(systemResourcesUpdate.parse(resources)).toMatchObject(resources ?? {});
    expect(modelStatusUpdate.parse(models)).toMatchObject(models ?? {});
    expect(activityStreamEvent.parse(activity)).toMatchObject(activity ?? {});
    expect(subscriptionAck.parse(ack)).toEqual(ack as never);
    // The sample's `type` is the family, sent as `category`; the rest is as printed.
    const times = { created_at: "2025-01-01T12:00:00.000Z", updated_at: "2025-01-01T12:00:00.000Z", resolved_at: null };
    const settled = { type: "memory_threshold", category: alert?.data?.type, state: "firing", ...times };
    expect(
      systemAlertsEvent.parse({ ...alert, data: { ...alert?.data, ...settled, alert_id: "alert_1640995200" } }),
    ).toBeDefined();
    const added = { event_id: "evt-1", created_at: "2025-01-01T12:00:00.000Z" };
    expect(deploymentEventsEvent.parse({ ...deployment, data: { ...deployment?.data, ...added } })).toMatchObject(
      deployment ?? {},
    );
  });

  test.each([
    ["#### 状态值说明", level.options],
    ["#### 模型状态值", deploymentStatus.options],
    ["#### 健康状态值", healthStatus.options],
    ["#### 活动类型", activityType.options],
    ["#### 严重程度", severity.options],
    ["#### 建议操作", alertAction.options],
    ["#### 部署事件类型", deploymentEventType.options],
  ])("the words under %s are exactly these", (heading, options) => {
    expect<string[]>([...options].sort()).toEqual(words(heading).sort());
  });

  test("the alert types are the document's and those that were added", () => {
    const added = ["cpu_threshold", "inode_threshold", "disk_full_predicted"];
    const failures = ["deployment_failed", "collector_failed", "download_failed"];
    expect<string[]>([...alertType.options].sort()).toEqual([...words("#### 告警类型"), ...added, ...failures].sort());
  });

  test("the events are those the sections announce, at the cadence they give", () => {
    expect(streamName.options.map((name) => `subscribe_${name}`)).toEqual(announced("订阅事件") as never);
    expect(streamName.options.map((name) => streams[name].event)).toEqual(announced("推送事件") as never);
    expect([streams.system_resources.intervalMs, streams.model_status.intervalMs]).toEqual([2000, 5000]);
    for (const name of [...streamName.options, "all", "system_monitor"]) {
      expect(validEvents).toContain(`subscribe_${name}`);
      expect(validEvents).toContain(`unsubscribe_${name}`);
    }
  });

  test("a level is a pure function of the value, with its boundaries where the document puts them", () => {
    const at = (values: number[]) => values.map(levelOf);
    expect(at([0, 69.9, 70, 79.9, 80, 89.9, 90, 100])).toEqual([
      "normal",
      "normal",
      "high",
      "high",
      "warning",
      "warning",
      "critical",
      "critical",
    ]);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (a, b) => {
          const rank = (value: number) => level.options.indexOf(levelOf(value));
          expect(Math.sign(rank(a) - rank(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});
