import { describe, expect, test } from "bun:test";
import { Addresses } from "../../../src/alerts/notifiers/addresses.ts";
import type { Destination } from "../../../src/alerts/notifiers/notifier.ts";
import { createNotifiers } from "../../../src/alerts/notifiers/notifiers.ts";
import { post } from "../../../src/host/outgoing.ts";
import { httpReceiver, smtpReceiver } from "../../notifications/receivers.ts";
import { alertOf, noSignal, noticeOf, notifiers, OPENED, origin, SECRET } from "./examples.ts";

const to = (url: string): Destination => ({ kind: "webhook", settings: { url: `${url}/secret-path`, secret: SECRET } });

describe("what an answer means for the message", () => {
  test.each([
    [200, { delivered: true }],
    [204, { delivered: true }],
    [400, { delivered: false, final: true }],
    [401, { delivered: false, final: false }],
    [404, { delivered: false, final: false }],
    [410, { delivered: false, final: true }],
    [413, { delivered: false, final: true }],
    [429, { delivered: false, final: false }],
    [500, { delivered: false, final: false }],
    [503, { delivered: false, final: false }],
  ])("%i", async (status, expected) => {
    await using receiver = await httpReceiver();
    receiver.answer = () => ({ status });
    expect(await notifiers.send(to(receiver.url), noticeOf(), noSignal)).toMatchObject({ status, ...expected });
  });

  test("Retry-After counts, as seconds, as a date, and where Discord and Telegram put it", async () => {
    await using receiver = await httpReceiver();
    const wait = async (headers: Record<string, string>, body = "") => {
      receiver.answer = () => ({ status: 429, headers, body });
      const outcome = await notifiers.send(to(receiver.url), noticeOf([{}], OPENED), noSignal);
      return outcome.delivered ? "delivered" : outcome.retryAfterMs;
    };
    expect(await wait({ "retry-after": "30" })).toBe(30_000);
    expect(await wait({ "retry-after": new Date(OPENED + 90_000).toUTCString() })).toBe(90_000);
    expect(await wait({ "retry-after": new Date(OPENED - 90_000).toUTCString() })).toBe(0);
    expect(await wait({}, '{"message":"You are being rate limited.","retry_after":0.6,"global":false}')).toBe(600);
    expect(await wait({}, '{"ok":false,"parameters":{"retry_after":7}}')).toBe(7_000);
    expect(await wait({ "retry-after": "soon" })).toBeUndefined();
  });

  test("a redirect is not followed: it could lead where nobody checked", async () => {
    await using inside = await httpReceiver();
    await using receiver = await httpReceiver();
    receiver.answer = () => ({ status: 302, headers: { location: inside.url } });
    const outcome = await notifiers.send(to(receiver.url), noticeOf(), noSignal);
    expect(outcome).toMatchObject({ delivered: false, status: 302, final: false });
    expect(outcome.detail).toContain("redirects are not followed");
    expect(inside.requests).toEqual([]);
  });

  test("a receiver that is not there is named without its path", async () => {
    const closed = await httpReceiver();
    await closed[Symbol.asyncDispose]();
    const outcome = await notifiers.send(to(closed.url), noticeOf(), noSignal);
    expect(outcome).toMatchObject({ delivered: false, status: null, final: false });
    expect(outcome.detail).toContain(`127.0.0.1:${closed.port} cannot be connected to`);
    expect(outcome.detail).not.toContain("secret-path");
  });

  test("an answer without an end is read as far as is of use", async () => {
    await using receiver = await httpReceiver();
    receiver.answer = () => ({ status: 500, body: "x".repeat(100_000) });
    const { detail } = await notifiers.send(to(receiver.url), noticeOf(), noSignal);
    expect(detail.length).toBeLessThan(600);
  });

  test("who stops waiting is not kept", async () => {
    await using receiver = await httpReceiver();
    receiver.answer = () => "hang";
    const stop = new AbortController();
    const sending = notifiers.send(to(receiver.url), noticeOf(), stop.signal);
    await receiver.received(1);
    stop.abort();
    expect(await sending).toMatchObject({ delivered: false, status: null, final: false });
  });
});

describe("the address that was checked is the address that is called", () => {
  test("a name that leads elsewhere a moment later is called where it led when it was checked", async () => {
    await using receiver = await httpReceiver();
    let resolved = 0;
    // The second answer would be the attack; `fetch` would resolve the name again and go there.
    const addresses = new Addresses(["127.0.0.1"], async () => [resolved++ === 0 ? "127.0.0.1" : "10.0.0.1"]);
    const pinned = createNotifiers({ addresses, post }, origin);
    const outcome = await pinned.send(to(`http://rebinding.example.org:${receiver.port}`), noticeOf(), noSignal);
    expect(outcome).toMatchObject({ delivered: true });
    expect([resolved, receiver.requests[0]?.headers.host]).toEqual([1, `rebinding.example.org:${receiver.port}`]);
  });

  test("a private address is refused before anything is sent, for HTTP and for SMTP", async () => {
    await using receiver = await httpReceiver();
    await using smtp = await smtpReceiver();
    const strict = createNotifiers({ addresses: new Addresses([], async () => ["127.0.0.1"]), post }, origin);
    const mail: Destination = {
      kind: "email",
      settings: { host: "mail.lan", port: smtp.port, security: "none", from: "a@example.org", to: ["b@example.org"] },
    };
    for (const destination of [to(receiver.url), to(`http://inside.lan:${receiver.port}`), mail]) {
      const outcome = await strict.send(destination, noticeOf(), noSignal);
      expect(outcome).toMatchObject({ delivered: false, status: null });
      expect(outcome.detail).toContain("not a public address");
    }
    expect([receiver.requests, smtp.mails]).toEqual([[], []]);
  });

  test("where the first address does not answer, the next one is tried", async () => {
    await using receiver = await httpReceiver();
    const addresses = new Addresses(["on"], async () => ["127.0.0.2", "127.0.0.1"]);
    const outcome = await createNotifiers({ addresses, post }, origin).send(
      to(`http://two.example.org:${receiver.port}`),
      noticeOf(),
      noSignal,
    );
    expect(outcome).toMatchObject({ delivered: true });
  });
});

describe("e-mail", () => {
  const mailTo = (port: number, login: { username?: string; password?: string } = {}): Destination => ({
    kind: "email",
    settings: {
      host: "127.0.0.1",
      port,
      security: "none",
      from: "llm@example.org",
      to: ["ops@example.org", "me@example.org"],
      ...login,
    },
  });

  test("a real server gets it, with a subject, a thread and an id that stays the same", async () => {
    await using smtp = await smtpReceiver({ password: "hunter22" });
    const destination = mailTo(smtp.port, { username: "llm", password: "hunter22" });
    const alert = alertOf({ message: "Speicher zu 92 % belegt – Größe: 15 GB\n.\nBcc: everybody@example.org" });
    for (const entry of [{ alert }, { alert, event: "escalated" as const, happenedAt: OPENED + 90_000 }]) {
      expect(await notifiers.send(destination, noticeOf([entry]), noSignal)).toMatchObject({
        delivered: true,
        status: 250,
      });
    }
    const [mail, second] = smtp.mails;
    expect(mail).toMatchObject({ from: "llm@example.org", to: ["ops@example.org", "me@example.org"], user: "llm" });
    expect(mail?.headers.get("subject")).toBe("[CRITICAL] Critical Memory Usage on gpu-box");
    expect(mail?.headers.get("message-id")).toBe("<msg_0197@example.org>");
    expect(mail?.headers.get("auto-submitted")).toBe("auto-generated");
    expect(mail?.headers.get("references")).toBe(second?.headers.get("references") ?? "");
    expect(mail?.headers.has("bcc")).toBe(false);
    for (const part of ["Größe: 15 GB", "Value: 92.1 %", "Threshold: 90 %", "https://llm.example.org"]) {
      expect(mail?.body).toContain(part);
    }
  });

  test("a refusal says what the server said: for good where it is about the message, for now where it is not", async () => {
    await using smtp = await smtpReceiver({ password: "hunter22" });
    const wrong = await notifiers.send(mailTo(smtp.port, { username: "llm", password: "wrong" }), noticeOf(), noSignal);
    expect(wrong).toMatchObject({ delivered: false, status: 535, final: false });
    expect(wrong.detail).toContain("Invalid username or password");
    const right = mailTo(smtp.port, { username: "llm", password: "hunter22" });
    smtp.refusal = { code: 451, text: "Greylisted, try again" };
    expect(await notifiers.send(right, noticeOf(), noSignal)).toMatchObject({ status: 451, final: false });
    smtp.refusal = { code: 550, text: "No such user here" };
    expect(await notifiers.send(right, noticeOf(), noSignal)).toMatchObject({ status: 550, final: true });
  });

  test("STARTTLS is insisted on where the channel says so: no password goes over an open line", async () => {
    await using smtp = await smtpReceiver({ password: "hunter22" });
    const { settings } = mailTo(smtp.port, { username: "llm", password: "hunter22" }) as Destination & {
      kind: "email";
    };
    const outcome = await notifiers.send(
      { kind: "email", settings: { ...settings, security: "starttls" } },
      noticeOf(),
      noSignal,
    );
    expect(outcome.delivered).toBe(false);
    expect(smtp.mails).toEqual([]);
  });

  test("where the first address has no server, the next one is tried", async () => {
    await using smtp = await smtpReceiver();
    const addresses = new Addresses(["on"], async () => ["127.0.0.2", "127.0.0.1"]);
    const { settings } = mailTo(smtp.port) as Destination & { kind: "email" };
    const outcome = await createNotifiers({ addresses, post }, origin).send(
      { kind: "email", settings: { ...settings, host: "two.example.org" } },
      noticeOf(),
      noSignal,
    );
    expect([outcome.delivered, smtp.mails.length]).toEqual([true, 1]);
  });

  test("a server that is not there is a failure to be tried again", async () => {
    const smtp = await smtpReceiver();
    await smtp[Symbol.asyncDispose]();
    const outcome = await notifiers.send(mailTo(smtp.port), noticeOf(), noSignal);
    expect(outcome).toMatchObject({ delivered: false, status: null, final: false });
    expect(outcome.detail).toContain(`127.0.0.1:${smtp.port}`);
  });
});
