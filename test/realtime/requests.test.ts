import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { subscriptionError } from "../../src/contract/index.ts";
import { readRequest, validEvents } from "../../src/realtime/requests.ts";

const ack = () => {};

describe("what a client sends is read", () => {
  test("a subscription with and without options and callback", () => {
    expect(readRequest("subscribe_activity_stream", [{ after: "act-3" }, ack])).toEqual({
      kind: "request",
      verb: "subscribe",
      name: "activity_stream",
      options: { after: "act-3" },
      acknowledge: ack,
    });
    expect(readRequest("unsubscribe_all", [])).toMatchObject({ kind: "request", verb: "unsubscribe", name: "all" });
    expect(readRequest("subscribe_model_status", [null])).toMatchObject({ kind: "request", options: {} });
  });

  test("an unknown event is refused with the list of those there are", () => {
    const answer = readRequest("subscribe_everything", []);
    expect(answer).toMatchObject({
      kind: "refused",
      error: { event_type: "subscribe_everything", code: "unknown_event" },
    });
    expect(answer.kind === "refused" && answer.error.valid_events).toEqual([...validEvents]);
  });

  test.each([
    ["subscribe_system_resources", [{ after: 1 }]],
    ["subscribe_activity_stream", [{ after: -1 }]],
    ["subscribe_activity_stream", [{ before: 1 }]],
    ["subscribe_activity_stream", ["act-1"]],
    ["subscribe_activity_stream", [{}, {}]],
    ["unsubscribe_all", [[1]]],
  ])("%s with %j is refused and says what is allowed", (event, args) => {
    expect(readRequest(event, args)).toMatchObject({ kind: "refused", error: { code: "invalid_payload" } });
  });

  test("anything at all gets a request or a well-formed refusal", () => {
    fc.assert(
      fc.property(fc.anything(), fc.array(fc.anything(), { maxLength: 4 }), (event, args) => {
        const answer = readRequest(event, args);
        if (answer.kind === "refused") subscriptionError.parse(answer.error);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...validEvents), fc.array(fc.jsonValue(), { maxLength: 3 }), (event, args) => {
        const answer = readRequest(event, args);
        if (answer.kind === "refused") subscriptionError.parse(answer.error);
      }),
    );
  });
});
