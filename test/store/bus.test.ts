import { describe, expect, test } from "bun:test";
import { Bus, type BusEvent } from "../../src/store/bus.ts";

function health(id: number): BusEvent {
  const event = {
    deploymentId: `dep-${id}`,
    modelId: "m",
    name: "M",
    health: "healthy",
    failures: 0,
    threshold: 3,
  } as const;
  return { type: "deployment_health", event: { ...event, reason: null } };
}

describe("the bus", () => {
  test("tells each listener of a type every event of it, in order", () => {
    const bus = new Bus((error) => expect.unreachable(String(error)));
    const heard: string[] = [];
    bus.on("deployment_health", (event) => heard.push(event.deploymentId));
    bus.on("activity_stream", () => heard.push("activity"));
    bus.publish([health(1), health(2)]);
    expect(heard).toEqual(["dep-1", "dep-2"]);
  });

  test("what a listener causes waits until everybody has heard the present event", () => {
    const bus = new Bus((error) => expect.unreachable(String(error)));
    const heard: string[] = [];
    bus.on("deployment_health", (event) => {
      if (event.deploymentId === "dep-1") bus.publish([health(3)]);
      heard.push(`first ${event.deploymentId}`);
    });
    bus.on("deployment_health", (event) => heard.push(`second ${event.deploymentId}`));
    bus.publish([health(1), health(2)]);
    expect(heard).toEqual(["dep-1", "dep-2", "dep-3"].flatMap((id) => [`first ${id}`, `second ${id}`]));
  });

  test("a listener that throws is reported and harms nobody else", () => {
    const errors: unknown[] = [];
    const bus = new Bus((error) => errors.push(error));
    const heard: string[] = [];
    bus.on("deployment_health", () => {
      throw new Error("broken");
    });
    bus.on("deployment_health", (event) => heard.push(event.deploymentId));
    bus.publish([health(1)]);
    bus.publish([health(2)]);
    expect(heard).toEqual(["dep-1", "dep-2"]);
    expect(errors).toHaveLength(2);
  });

  test("a disposed listener hears nothing more", () => {
    const bus = new Bus((error) => expect.unreachable(String(error)));
    const heard: string[] = [];
    bus.on("deployment_health", (event) => heard.push(event.deploymentId))[Symbol.dispose]();
    bus.publish([health(1)]);
    expect(heard).toEqual([]);
  });
});
