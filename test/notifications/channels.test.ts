import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { Activities } from "../../src/activities/activities.ts";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { type CreateChannel, channelKinds, createChannel } from "../../src/contract/index.ts";
import { Channels } from "../../src/notifications/channels.ts";
import { Notifications } from "../../src/notifications/notifications.ts";
import { mountNotifications } from "../../src/notifications/routes.ts";
import type { Store } from "../../src/store/store.ts";
import { notifiers, SECRET } from "../alerts/notifiers/examples.ts";
import { FakeClock } from "../fake-clock.ts";
import { testApp } from "../http/setup.ts";
import { tempDir } from "../temp-dir.ts";
import { openStore } from "../temp-store.ts";
import { httpReceiver } from "./receivers.ts";

const TOKEN = "tk_very_secret_token";
const hook = { url: "https://hooks.example.org/path/very-secret", secret: SECRET };
const onCall = { name: "on-call", kind: "webhook", settings: hook };

const examples: Record<string, unknown> = {
  webhook: { ...hook, headers: { authorization: "Bearer very-secret" } },
  slack: { url: "https://hooks.slack.com/services/T0/B0/very-secret" },
  discord: { url: "https://discord.com/api/webhooks/1/very-secret" },
  ntfy: { topic: "very-secret-topic", token: TOKEN },
  telegram: { bot_token: "123:very-secret-token-of-a-bot", chat_id: "-100" },
  email: {
    host: "smtp.example.org",
    username: "llm",
    password: "very-secret",
    from: "llm@example.org",
    to: ["ops@example.org"],
  },
};

function parts(store: Store, fromFile: readonly CreateChannel[] = []) {
  const clock = new FakeClock();
  return { store, activities: new Activities({ store, clock }), clock, notifiers, fromFile };
}

/** A server's HTTP side with channels; its disposal is the store's. */
function served() {
  const app = testApp();
  const log = getLogger("test");
  const more = { activities: app.activities, log, random: () => 0.5 };
  mountNotifications(app.app, new Notifications({ ...parts(app.store), ...more }));
  return app;
}

describe("channels over REST", () => {
  test.each(channelKinds)(
    "a %s channel is added, shown, changed, and removed; its secrets never come back",
    async (kind) => {
      using t = served();
      const created = await t.json("POST", "/api/v1/channels", { name: "on-call", kind, settings: examples[kind] });
      expect(created.status).toBe(201);
      expect(created.body).toMatchObject({
        name: "on-call",
        kind,
        source: "api",
        enabled: true,
        min_severity: "warning",
      });
      expect(Object.values(created.body.secrets)).toContain(true);
      const changed = await t.json("PATCH", "/api/v1/channels/on-call", { min_severity: "critical", enabled: false });
      expect(changed.body).toMatchObject({ min_severity: "critical", enabled: false });
      const listed = await t.json("GET", "/api/v1/channels", undefined);
      const activities = await t.json("GET", "/api/v1/activities", undefined);
      for (const { body } of [created, changed, listed, activities]) {
        expect(JSON.stringify(body)).not.toContain("very-secret");
        expect(JSON.stringify(body)).not.toContain(TOKEN);
        expect(JSON.stringify(body)).not.toContain(SECRET);
      }
      expect(activities.body.items.map((item: { message: string }) => item.message)).toEqual([
        "Notification channel on-call changed",
        "Notification channel on-call added",
      ]);
      expect((await t.json("DELETE", "/api/v1/channels/on-call", undefined)).status).toBe(204);
      expect((await t.json("GET", "/api/v1/channels/on-call", undefined)).status).toBe(404);
    },
  );

  test("bad input is named by field, and never repeated", async () => {
    using t = served();
    const attempt = async (body: unknown) => {
      const answer = await t.json("POST", "/api/v1/channels", body);
      expect(answer.status).toBe(422);
      expect(JSON.stringify(answer.body)).not.toContain("very-secret");
      return answer.body.errors.map((error: { field: string }) => error.field);
    };
    expect(await attempt({ ...onCall, name: "On Call" })).toEqual(["name"]);
    expect(await attempt({ ...onCall, kind: "pigeon" })).toEqual(["kind"]);
    expect(await attempt({ ...onCall, settings: { url: "ftp://very-secret", secret: SECRET } })).toEqual([
      "settings.url",
    ]);
    expect(await attempt({ ...onCall, settings: { url: "https://u:very-secret@e.org", secret: SECRET } })).toEqual([
      "settings.url",
    ]);
    expect(await attempt({ ...onCall, settings: { url: hook.url, secret: "very-secret" } })).toEqual([
      "settings.secret",
    ]);
    expect(await attempt({ ...onCall, settings: { ...hook, headers: { "webhook-id": "very-secret" } } })).toEqual([
      "settings.headers",
    ]);
    expect(await attempt({ ...onCall, settings: { ...hook, headers: { a: "b\r\nc: very-secret" } } })).toEqual([
      "settings.headers.a",
    ]);
    expect(await attempt({ ...onCall, remind_minutes: -1 })).toEqual(["remind_minutes"]);
    expect(await attempt({ ...onCall, events: ["exploded"] })).toEqual(["events.0"]);
  });

  test("a change of settings keeps the others, checks the whole, and may take optional ones away", async () => {
    using t = served();
    await t.json("POST", "/api/v1/channels", { name: "on-call", kind: "email", settings: examples.email });
    const port = await t.json("PATCH", "/api/v1/channels/on-call", { settings: { to: ["me@example.org"] } });
    expect(port.body.settings).toMatchObject({ host: "smtp.example.org", to: ["me@example.org"] });
    expect(port.body.secrets).toEqual({ password: true });
    const gone = await t.json("PATCH", "/api/v1/channels/on-call", { settings: { password: null, username: null } });
    expect(gone.body.secrets).toEqual({ password: false });
    const wrong = await t.json("PATCH", "/api/v1/channels/on-call", { settings: { from: null, color: "red" } });
    expect(wrong.body.errors.map((error: { field: string }) => error.field).sort()).toEqual([
      "settings.color",
      "settings.from",
    ]);
  });

  test("who leads a channel elsewhere gives its secrets anew, so that none is sent to a stranger", async () => {
    using t = served();
    await t.json("POST", "/api/v1/channels", { name: "on-call", kind: "ntfy", settings: examples.ntfy });
    const stolen = await t.json("PATCH", "/api/v1/channels/on-call", { settings: { server: "https://evil.example" } });
    expect([stolen.status, stolen.body.errors.map((error: { field: string }) => error.field)]).toEqual([
      422,
      ["settings.topic", "settings.token"],
    ]);
    const moved = { server: "https://ntfy.example.org", topic: "t", token: null };
    expect((await t.json("PATCH", "/api/v1/channels/on-call", { settings: moved })).body.target).toBe(
      "ntfy.example.org",
    );
  });

  test("a name is taken once, and there is an end to how many there can be", async () => {
    using t = served();
    expect((await t.json("POST", "/api/v1/channels", onCall)).status).toBe(201);
    expect((await t.json("POST", "/api/v1/channels", onCall)).body.code).toBe("already_exists");
    for (let i = 1; i < 50; i++) await t.json("POST", "/api/v1/channels", { ...onCall, name: `c${i}` });
    const over = await t.json("POST", "/api/v1/channels", { ...onCall, name: "c50" });
    expect([over.status, over.body.code]).toEqual([409, "limit_reached"]);
  });

  test("a test message really goes out, and the answer is what the receiver said, without what it repeats of secrets", async () => {
    await using receiver = await httpReceiver();
    using t = served();
    const settings = { url: `${receiver.url}/very-secret`, secret: SECRET, headers: { authorization: TOKEN } };
    await t.json("POST", "/api/v1/channels", { ...onCall, settings });
    receiver.answer = ({ path, headers }) => ({ status: 418, body: `no ${path} for ${headers.authorization}` });
    const refused = await t.json("POST", "/api/v1/channels/on-call/test", undefined);
    expect(refused.body).toMatchObject({ delivered: false, status: 418 });
    expect(refused.body.detail).toBe("The receiver answered 418: no [hidden] for [hidden]");
    receiver.answer = () => ({ status: 200, body: "thanks" });
    const taken = await t.json("POST", "/api/v1/channels/on-call/test", undefined);
    expect(taken.body).toMatchObject({ delivered: true, status: 200, detail: "thanks" });
    expect(JSON.parse(receiver.requests[1]?.body ?? "")).toMatchObject({ type: "alert.test" });
  });
});

describe("channels of the configuration file", () => {
  function configured(toml: string): readonly CreateChannel[] {
    using dir = tempDir();
    const file = join(dir.path, "config.toml");
    writeFileSync(file, toml);
    return loadConfig({ CONFIG_FILE: file }).channels;
  }

  test("a table is a channel, with its settings beside the rest", () => {
    expect(
      configured(`
        [channels.on-call]
        kind = "ntfy"
        topic = "alerts-81"
        min_severity = "critical"
      `),
    ).toEqual([
      createChannel.parse({
        name: "on-call",
        kind: "ntfy",
        min_severity: "critical",
        settings: { topic: "alerts-81" },
      }),
    ]);
    expect(configured("")).toEqual([]);
  });

  test("the examples of the documentation are channels, one of each kind", () => {
    const page = readFileSync(join(import.meta.dir, "../../docs/notifications.md"), "utf8");
    const examples = [...page.matchAll(/```toml\n(.*?)```/gs)].map(([, toml = ""]) =>
      toml
        .replace("whsec_…", SECRET)
        .replaceAll("Bearer …", "Bearer x")
        .replaceAll("tk_…", "tk_x")
        .replace("123456:ABC-DEF…", "123456:ABC-DEF-ghijklmnopqrstu")
        .replace('password = "…"', 'password = "x"'),
    );
    const kinds: string[] = examples.flatMap(configured).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(["ntfy", ...channelKinds].toSorted());
  });

  test.each([
    ["[channels.On-Call]\nkind = 'slack'", "channels.On-Call is not a name for a channel"],
    ["[channels.a]\nkind = 'pigeon'", "channels.a.kind must be webhook, slack, discord"],
    ["[channels.a]\nurl = 'https://very-secret'", "channels.a.kind must be webhook"],
    ["[channels.a]\nkind = 'slack'", "channels.a.url is missing"],
    ["[channels.a]\nkind = 'slack'\nurl = 'very-secret'", "channels.a.url must be an http:// or https:// URL"],
    ["[channels.a]\nkind = 'slack'\nurl = 'https://e.org'\ntopic = 'very-secret'", "channels.a.topic is not known"],
    ["channels = 5", "channels must hold tables such as [channels.on-call]"],
  ])("%j stops the start with one line that names what is wrong, and no value", (toml, message) => {
    try {
      configured(toml);
      throw new Error("It was taken");
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain(message);
      expect(String(error)).not.toContain("very-secret");
      expect(String(error)).not.toContain("\n");
    }
  });

  test("they are there as the file says, are changed only there, go when they leave it, and leave no secret in the database", () => {
    using dir = tempDir();
    const listed = (fromFile: readonly CreateChannel[]) => {
      using store = openStore(dir.path);
      const channels = new Channels(parts(store, fromFile));
      if (fromFile.length > 0) {
        for (const change of [() => channels.update("a", { enabled: false }), () => channels.remove("a")]) {
          expect(change).toThrow(expect.objectContaining({ code: "read_only" }));
        }
      }
      return channels.list().map(({ name, kind, source, min_severity }) => [name, kind, source, min_severity]);
    };
    const slack = (min: "warning" | "critical") =>
      createChannel.parse({ name: "a", kind: "slack", min_severity: min, settings: examples.slack });
    expect(listed([slack("warning")])).toEqual([["a", "slack", "file", "warning"]]);
    expect(listed([slack("critical")])).toEqual([["a", "slack", "file", "critical"]]);
    expect(readFileSync(join(dir.path, "llm-manager.sqlite")).includes("very-secret")).toBe(false);
    expect(listed([])).toEqual([]);
  });

  test("channels that REST added outlive a restart, and are no longer REST's when the file names them", () => {
    using dir = tempDir();
    {
      using store = openStore(dir.path);
      new Channels(parts(store)).create(createChannel.parse(onCall));
    }
    using store = openStore(dir.path);
    expect(new Channels(parts(store)).require("on-call")).toMatchObject({ source: "api", target: "hooks.example.org" });
    const file = createChannel.parse({ name: "on-call", kind: "slack", settings: examples.slack });
    expect(new Channels(parts(store, [file])).list()).toMatchObject([{ source: "file", kind: "slack" }]);
  });
});

test("NOTIFY_ALLOW_PRIVATE takes on, off, names, addresses and ranges, and nothing else", () => {
  const allowed = (value: string) => loadConfig({ NOTIFY_ALLOW_PRIVATE: value }).notifyAllowPrivate;
  expect([allowed("off"), allowed("on"), allowed("ntfy.lan, 10.0.0.0/8,::1")]).toEqual([
    [],
    ["on"],
    ["ntfy.lan", "10.0.0.0/8", "::1"],
  ]);
  for (const value of ["10.0.0.0/40", "http://ntfy.lan", "a b"]) expect(() => allowed(value)).toThrow(ConfigError);
});
