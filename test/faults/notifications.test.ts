import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { SECRET } from "../alerts/notifiers/examples.ts";
import { httpReceiver, smtpReceiver } from "../notifications/receivers.ts";
import { must } from "../rest.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";

setDefaultTimeout(240_000);

/** How much longer than it takes for everything to happen the receivers stay down; for a run by hand. */
const DOWN_MS = Number(process.env.NOTIFY_DOWN_SECONDS ?? 0) * 1_000;

const env = { NOTIFY_ALLOW_PRIVATE: "127.0.0.1", PUBLIC_URL: "https://llm.example.org" };
/** No waits, so that what the test sets the thresholds to counts with the next sample. */
const AT_ONCE = { for_seconds: 0, clear_seconds: 0, hysteresis: 0 };

/** A port that was free a moment ago, with nothing listening. */
async function closedPort(): Promise<number> {
  const receiver = await httpReceiver();
  await receiver[Symbol.asyncDispose]();
  return receiver.port;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await Bun.sleep(100);
}

describe.each(["bun", "deno"] as const)("on %s", (runtime) => {
  test("receivers that are down meanwhile get what opened, got worse and ended, once and in order, over kill -9", async () => {
    using data = tempDir();
    const [httpPort, smtpPort] = [await closedPort(), await closedPort()];
    const started = Date.now();
    {
      await using server = await serverProcess({ runtime, dataDir: data.path, env });
      const settings = {
        hook: { kind: "webhook", settings: { url: `http://127.0.0.1:${httpPort}/hook`, secret: SECRET } },
        mail: {
          kind: "email",
          settings: {
            host: "127.0.0.1",
            port: smtpPort,
            security: "none",
            from: "llm@example.org",
            to: ["ops@example.org"],
          },
        },
      };
      // The machine that runs this may be busy: what it makes of its processor is not what is told here.
      for (const { name } of (await must(server.url, "GET", "/alert-rules")).items) {
        if (name !== "memory") await must(server.url, "PATCH", `/alert-rules/${name}`, { enabled: false });
      }
      for (const [name, channel] of Object.entries(settings)) {
        await must(server.url, "POST", "/channels", { name, ...channel });
        const tried = await must(server.url, "POST", `/channels/${name}/test`);
        expect(tried).toMatchObject({ delivered: false, status: null });
      }
      const rows = async (event: string) =>
        (await must(server.url, "GET", "/notifications")).items.filter(
          (item: { event: string }) => item.event === event,
        );
      const rule = (limits: object) => must(server.url, "PATCH", "/alert-rules/memory", { ...AT_ONCE, ...limits });
      // Every machine uses a hundredth of a percent of its memory, and none all of it.
      await rule({ warning: 0.01, critical: 100 });
      await until(async () => (await rows("opened")).length === 2);
      await until(async () => (await rows("opened")).every((row: { attempts: number }) => row.attempts > 0));
      await rule({ warning: 0.01, critical: 0.01 });
      await until(async () => (await rows("escalated")).length === 2);
      await server.kill("SIGKILL");
    }
    await using server = await serverProcess({ runtime, dataDir: data.path, env });
    await must(server.url, "PATCH", "/alert-rules/memory", { ...AT_ONCE, warning: 100, critical: 100 });
    await until(async () => {
      const { items } = await must(server.url, "GET", "/notifications");
      return items.filter((item: { event: string }) => item.event === "resolved").length === 2;
    });
    await Bun.sleep(Math.max(0, started + DOWN_MS - Date.now()));

    await using http = await httpReceiver(httpPort);
    await using smtp = await smtpReceiver({ port: smtpPort });
    await Promise.all([http.received(3), smtp.received(3)]);
    await until(async () => {
      const { items } = await must(server.url, "GET", "/notifications");
      return items.every((item: { state: string }) => item.state === "sent");
    });

    const bodies = http.requests.map(({ body }) => JSON.parse(body));
    expect(bodies.map(({ type }) => type)).toEqual(["alert.opened", "alert.escalated", "alert.resolved"]);
    expect(bodies.map(({ data }) => data.alert.severity)).toEqual(["warning", "critical", "info"]);
    expect(new Set(bodies.map(({ data }) => data.alert.alert_id)).size).toBe(1);
    expect(new Set(http.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
    for (const { headers, body } of http.requests) {
      new Webhook(SECRET).verify(body, {
        "webhook-id": String(headers["webhook-id"]),
        "webhook-timestamp": String(headers["webhook-timestamp"]),
        "webhook-signature": String(headers["webhook-signature"]),
      });
    }
    expect(smtp.mails.map(({ headers }) => /\[[A-Z]+\](?: Worse:)?/.exec(headers.get("subject") ?? "")?.[0])).toEqual([
      "[WARNING]",
      "[CRITICAL] Worse:",
      "[RESOLVED]",
    ]);
    expect(new Set(smtp.mails.map(({ headers }) => headers.get("message-id"))).size).toBe(3);
    if (DOWN_MS > 60_000) for (const { body } of smtp.mails) expect(body).toContain("Delivered late");
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('llm_manager_notification_deliveries_total{outcome="sent"} 6');
    expect(metrics).toContain("llm_manager_notifications_queued 0");
    expect(server.output()).not.toContain(SECRET);
  });
});
