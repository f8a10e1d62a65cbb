import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import { Addresses } from "../../../src/alerts/notifiers/addresses.ts";
import type { Destination, Notice, NoticeEntry } from "../../../src/alerts/notifiers/notifier.ts";
import { createNotifiers } from "../../../src/alerts/notifiers/notifiers.ts";
import { channelEvent, severity } from "../../../src/contract/index.ts";
import { httpReceiver, type ReceivedRequest } from "../../notifications/receivers.ts";
import { alertOf, noSignal, noticeOf, notifiers, OPENED, origin, SECRET } from "./examples.ts";

/* What the receivers' own documentation allows. */

const slackText = z.strictObject({ type: z.literal("mrkdwn"), text: z.string().min(1).max(3_000) });
/** https://docs.slack.dev/reference/block-kit/blocks */
const slackMessage = z.strictObject({
  text: z.string().min(1).max(40_000),
  blocks: z
    .array(
      z.discriminatedUnion("type", [
        z.strictObject({
          type: z.literal("header"),
          text: z.strictObject({
            type: z.literal("plain_text"),
            text: z.string().min(1).max(150),
            emoji: z.boolean().optional(),
          }),
        }),
        z.strictObject({ type: z.literal("section"), text: slackText }),
        z.strictObject({ type: z.literal("context"), elements: z.array(slackText).min(1).max(10) }),
      ]),
    )
    .max(50),
});

const embed = z.strictObject({
  title: z.string().min(1).max(256),
  description: z.string().max(4_096),
  color: z.number().int().min(0).max(0xff_ff_ff),
  timestamp: z.iso.datetime(),
  url: z.url().optional(),
  fields: z
    .array(
      z.strictObject({ name: z.string().min(1).max(256), value: z.string().min(1).max(1_024), inline: z.boolean() }),
    )
    .max(25),
});
/** https://docs.discord.com/developers/resources/webhook#execute-webhook, and its "Embed limits" */
const discordMessage = z
  .strictObject({
    content: z.string().min(1).max(2_000).optional(),
    embeds: z.array(embed).min(1).max(10),
    allowed_mentions: z.strictObject({ parse: z.array(z.never()) }),
  })
  .refine(({ embeds }) => {
    const texts = embeds.flatMap((e) => [e.title, e.description, ...e.fields.flatMap((f) => [f.name, f.value])]);
    return texts.join("").length <= 6_000;
  }, "at most 6000 characters in all embeds together");

/** https://docs.ntfy.sh/publish/#publish-as-json; a longer message becomes an attachment. */
const ntfyMessage = z.strictObject({
  topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/),
  title: z.string().min(1),
  message: z.string().refine((message) => Buffer.byteLength(message) <= 4_096, "at most 4096 bytes"),
  priority: z.number().int().min(1).max(5),
  tags: z.array(z.string()),
  click: z.url().optional(),
});

/** https://core.telegram.org/bots/api#sendmessage and #html-style; the length is counted "after entities parsing". */
const telegramMessage = z.strictObject({
  chat_id: z.string(),
  message_thread_id: z.number().int().optional(),
  text: z.string().refine(isTelegramHtml, "only <b> and <a>, closed, and at most 4096 characters"),
  parse_mode: z.literal("HTML"),
  link_preview_options: z.strictObject({ is_disabled: z.boolean() }),
});

function isTelegramHtml(html: string): boolean {
  const open: string[] = [];
  const plain = html.replaceAll(/<(\/?)(b|a)(?: href="[^"<>]*")?>/g, (_, slash: string, tag: string) => {
    if (slash === "") open.push(tag);
    else if (open.pop() !== tag) open.push("unbalanced");
    return "";
  });
  if (open.length > 0 || /[<>]/.test(plain) || /&(?!(?:lt|gt|amp|quot);)/.test(plain)) return false;
  const length = plain.replaceAll(/&(?:lt|gt|amp|quot);/g, "x").length;
  return length > 0 && length <= 4_096;
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure */
const webhookMessage = z.strictObject({
  type: z.string().regex(/^alert\.[a-z]+$/),
  timestamp: z.iso.datetime(),
  data: z.looseObject({ title: z.string(), severity, host: z.string(), url: z.url().nullable() }),
});

const destinations = (url: string) =>
  ({
    webhook: { kind: "webhook", settings: { url: `${url}/hook?key=1`, secret: SECRET, headers: { "x-team": "ops" } } },
    slack: { kind: "slack", settings: { url: `${url}/services/T0/B0/xyz` } },
    discord: { kind: "discord", settings: { url: `${url}/api/webhooks/1/xyz` } },
    ntfy: { kind: "ntfy", settings: { server: url, topic: "alerts-81", token: "tk_abc" } },
    telegram: {
      kind: "telegram",
      settings: { bot_token: "123:abcdefghijklmnopqrstuvwxyz", chat_id: "-1001", thread_id: 5, api_url: url },
    },
  }) as const satisfies Record<string, Destination>;

const schemas = {
  webhook: webhookMessage,
  slack: slackMessage,
  discord: discordMessage,
  ntfy: ntfyMessage,
  telegram: telegramMessage,
} as const;
const kinds = Object.keys(schemas) as (keyof typeof schemas)[];

async function delivered(kind: keyof typeof schemas, notice: Notice): Promise<ReceivedRequest> {
  await using receiver = await httpReceiver();
  expect(await notifiers.send(destinations(receiver.url)[kind], notice, noSignal)).toEqual({
    delivered: true,
    status: 200,
    detail: "ok",
  });
  const [request] = receiver.requests;
  if (!request) throw new Error("Nothing was received");
  expect([request.method, request.headers["content-type"]]).toEqual(["POST", "application/json"]);
  return request;
}

describe("what a real receiver gets", () => {
  test.each(kinds)("%s: what its documentation says it takes, with all that somebody wants to know", async (kind) => {
    const { body } = await delivered(kind, noticeOf());
    schemas[kind].parse(JSON.parse(body));
    // Discord reads Markdown, so what looks like it is escaped.
    const text = body.replaceAll("\\\\", "");
    for (const part of ["Critical Memory Usage", "Memory usage reached 92.1%", "gpu-box", "90", "alert_7"]) {
      expect(text).toContain(part);
    }
    expect(body).toContain("https://llm.example.org");
    expect(body).not.toContain("Delivered late");
  });

  test("webhook: the signature is Standard Webhooks', and verifies with the library's own check", async () => {
    // The library refuses a signature that is more than five minutes old or ahead.
    const { headers, body, path } = await delivered("webhook", noticeOf([{}], Date.now()));
    const signed = {
      "webhook-id": String(headers["webhook-id"]),
      "webhook-timestamp": String(headers["webhook-timestamp"]),
      "webhook-signature": String(headers["webhook-signature"]),
    };
    expect(new Webhook(SECRET).verify(body, signed)).toMatchObject({
      type: "alert.opened",
      data: { event: "opened", alert: { alert_id: "alert_7" } },
    });
    expect(() => new Webhook(SECRET).verify(`${body} `, signed)).toThrow();
    expect([signed["webhook-id"], path, headers["x-team"]]).toEqual(["msg_0197", "/hook?key=1", "ops"]);
  });

  test("ntfy is posted to at its root, with the token; Telegram at the bot's method", async () => {
    const ntfy = await delivered("ntfy", noticeOf());
    expect([ntfy.path, ntfy.headers.authorization]).toEqual(["/", "Bearer tk_abc"]);
    expect(JSON.parse(ntfy.body)).toMatchObject({ topic: "alerts-81", priority: 5, tags: ["rotating_light"] });
    const telegram = await delivered("telegram", noticeOf());
    expect(telegram.path).toBe("/bot123:abcdefghijklmnopqrstuvwxyz/sendMessage");
    expect(JSON.parse(telegram.body)).toMatchObject({ chat_id: "-1001", message_thread_id: 5 });
  });

  test("a resolution says how long it lasted, a late message when it happened", async () => {
    const alert = alertOf({ title: "Memory Usage Resolved", severity: "info", state: "resolved" });
    const notice = noticeOf([{ event: "resolved", alert, happenedAt: OPENED + 720_000 }], OPENED + 4_320_000);
    for (const kind of ["slack", "discord", "ntfy", "telegram"] as const) {
      const { body } = await delivered(kind, notice);
      schemas[kind].parse(JSON.parse(body));
      expect(body).toContain("RESOLVED");
      expect(body).toContain("12 min, since 2026-11-25 12:00:00 UTC");
      expect(body).toContain("Delivered late: this happened at 2026-11-25 12:12:00 UTC, 1 h ago.");
    }
  });

  test("a model's name or an alert's text is no markup and calls nobody", async () => {
    const notice = noticeOf([{ alert: alertOf({ message: "<!channel> @everyone <b>_x_</b> & **y** [z](http://e)" }) }]);
    const slack = JSON.parse((await delivered("slack", notice)).body);
    expect(slack.blocks[1].text.text).toContain("&lt;!channel&gt; @everyone &lt;b&gt;_x_&lt;/b&gt; &amp;");
    const discord = JSON.parse((await delivered("discord", notice)).body);
    expect(discord.embeds[0].description).toContain("\\_x\\_");
    expect(discord.embeds[0].description).toContain("\\[z\\](http://e)");
    expect(discord.allowed_mentions).toEqual({ parse: [] });
    const telegram = JSON.parse((await delivered("telegram", notice)).body);
    expect(telegram.text).toContain("&lt;b&gt;_x_&lt;/b&gt;");
  });
});

const entry = fc.record({
  event: fc.constantFrom(...channelEvent.options, "reminder" as const, "test" as const),
  happenedAt: fc.integer({ min: OPENED, max: OPENED + 86_400_000 * 40 }),
  alert: fc
    .record({
      title: fc.string({ unit: "grapheme", minLength: 1, maxLength: 400 }),
      message: fc.oneof(fc.string({ unit: "grapheme", maxLength: 200 }), fc.constant('&<"_*🔥 '.repeat(1_000))),
      severity: fc.constantFrom(...severity.options),
    })
    .map(alertOf),
}) satisfies fc.Arbitrary<NoticeEntry>;

test.each(kinds)(
  "%s: whatever the alerts say and however many they are, the message is one its receiver takes",
  async (kind) => {
    let sent = "";
    const recording = createNotifiers(
      {
        addresses: new Addresses([], async () => ["93.184.215.14"]),
        async post(request) {
          sent = request.body;
          return { status: 200, retryAfter: undefined, body: "" };
        },
      },
      origin,
    );
    const destination = destinations("https://receiver.example.org")[kind];
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 60 }), async (entries) => {
        const [first, ...more] = entries;
        if (!first) return;
        const notice: Notice = { id: "msg_1", entries: [first, ...more], now: OPENED + 86_400_000 * 41 };
        await recording.send(destination, notice, noSignal);
        schemas[kind].parse(JSON.parse(sent));
      }),
      { numRuns: 60 },
    );
  },
);
