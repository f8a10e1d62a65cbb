import { expect, test } from "bun:test";
import { ApiServer } from "./api-server.ts";
import { runCli } from "./cli-process.ts";

const channel = {
  name: "on-call",
  kind: "ntfy",
  enabled: true,
  min_severity: "critical",
  events: ["opened"],
  remind_critical_minutes: 60,
  remind_minutes: 240,
  source: "file",
  target: "ntfy.sh",
  settings: { server: "https://ntfy.sh" },
  secrets: { topic: true, token: false },
  queued: 3,
  last_sent_at: null,
  last_error: "The receiver answered 503: \u001b[31mbusy",
  created_at: "2026-01-01T12:00:00.000Z",
  updated_at: "2026-01-01T12:00:00.000Z",
};

test("channels list shows where each leads and how it does, without what could steer the terminal", async () => {
  await using server = await new ApiServer({ "GET /api/v1/channels": { body: { items: [channel] } } }).listen();
  const { code, stdout } = await runCli(["channels", "list", "--url", server.url]);
  expect(code).toBe(0);
  const [head, row] = stdout.split("\n");
  expect(head).toMatch(/^CHANNEL +KIND +TO +FROM +QUEUED +LAST SENT +FAILING$/);
  expect(row).toMatch(/^on-call +ntfy +ntfy\.sh +critical +3 +\S+ +The receiver answered 503: busy$/);
});

test("channels test says what the receiver said, and fails when it did not take it", async () => {
  const taken = { delivered: true, status: 250, detail: "2.0.0 Ok: queued", duration_ms: 12 };
  const refused = { delivered: false, status: 404, detail: "The receiver answered 404: no_team", duration_ms: 7 };
  await using server = await new ApiServer({
    "POST /api/v1/channels/mail/test": { body: taken },
    "POST /api/v1/channels/team/test": { body: refused },
  }).listen();
  const good = await runCli(["channels", "test", "mail", "--url", server.url]);
  expect([good.code, good.stdout]).toEqual([0, "mail took it after 12 ms: 250 2.0.0 Ok: queued\n"]);
  const bad = await runCli(["channels", "test", "team", "--url", server.url]);
  expect([bad.code, bad.stdout]).toEqual([1, "team did not take it after 7 ms: The receiver answered 404: no_team\n"]);
});
