import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a receiver answers: a status, and what comes with it. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An HTTP server that keeps what it was sent and answers as a test wants it. */
export interface HttpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly requests: ReceivedRequest[];
  /** What it answers from now on. `hang` never answers. */
  answer: (request: ReceivedRequest) => Answer | "hang";
  /** Resolves when `count` requests have come, ever. */
  received(count: number): Promise<void>;
}

export async function httpReceiver(port = 0): Promise<HttpReceiver> {
  const requests: ReceivedRequest[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const request = { method, path: url, headers, body: await text(incoming) };
    const answer = receiver.answer(request);
    requests.push(request);
    for (const look of [...waiting]) look();
    if (answer === "hang") return;
    outgoing.writeHead(answer.status, { ...answer.headers });
    outgoing.end(answer.body ?? "");
  });
  const bound = await listening(server, port);
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    requests,
    answer: () => ({ status: 200, body: "ok" }),
    received: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (requests.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has an address of this kind.
  return (server.address() as AddressInfo).port;
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A real SMTP server that keeps what it was sent. */
export interface SmtpReceiver extends AsyncDisposable {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** A refusal of every recipient from now on: its code and text. */
  refusal: { readonly code: number; readonly text: string } | undefined;
  received(count: number): Promise<void>;
}

export async function smtpReceiver(options: { port?: number; password?: string } = {}): Promise<SmtpReceiver> {
  const mails: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  const server = new SMTPServer({
    disabledCommands: options.password === undefined ? ["STARTTLS", "AUTH"] : ["STARTTLS"],
    allowInsecureAuth: true,
    authOptional: options.password === undefined,
    disableReverseLookup: true,
    onAuth(auth, _session, done) {
      if (auth.password === options.password) done(null, { user: auth.username ?? "" });
      else done(new Error("Invalid username or password"));
    },
    onRcptTo(_address, _session, done) {
      const { refusal } = receiver;
      done(refusal && Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
    },
    onData(stream, session, done) {
      text(stream).then((raw) => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: session.user === undefined ? undefined : String(session.user),
          ...parsed(raw),
        });
        done();
        for (const look of [...waiting]) look();
      }, done);
    },
  });
  server.on("error", () => {});
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server.server, "listening");
  const receiver: SmtpReceiver = {
    // A server that listens on TCP has an address of this kind.
    port: (server.server.address() as AddressInfo).port,
    mails,
    refusal: undefined,
    received: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (mails.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return receiver;
}

/** Headers unfolded and the body decoded, as far as these tests' mails go: one plain text part. */
function parsed(raw: string): Pick<ReceivedMail, "headers" | "body"> {
  const [head = "", ...rest] = raw.split("\r\n\r\n");
  const lines = head.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = rest.join("\r\n\r\n");
  const encoding = headers.get("content-transfer-encoding");
  if (encoding === "base64") return { headers, body: Buffer.from(body, "base64").toString("utf8") };
  if (encoding !== "quoted-printable") return { headers, body };
  const bytes = body
    .replaceAll(/=\r\n/g, "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { headers, body: Buffer.from(bytes, "latin1").toString("utf8") };
}
