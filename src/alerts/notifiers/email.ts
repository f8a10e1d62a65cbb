import { createTransport } from "nodemailer";
import type { ChannelSettings } from "../../contract/index.ts";
import type { Addresses } from "./addresses.ts";
import { DeliveryError, type Notice, type Notifier, type Origin, type Receipt } from "./notifier.ts";
import { cut, plainText, textOf } from "./text.ts";

/** Milliseconds that a server may take for each step. */
const TIMEOUT_MS = 10_000;
const MAX_SUBJECT = 200;
/** Addresses of one name that are tried, where connecting to one fails. */
const MAX_ADDRESSES = 3;

/** E-mail over SMTP. */
export function email(addresses: Addresses, origin: Origin): Notifier<"email"> {
  return {
    target: ({ host, port }) => `${host}:${port}`,
    async send(settings, notice, signal) {
      let failure: unknown;
      for (const address of (await addresses.of(settings.host)).slice(0, MAX_ADDRESSES)) {
        try {
          return await sendTo(address, settings, notice, origin, signal);
        } catch (error) {
          failure = error;
          // Where there was no connection, another address may have one.
          if (failed(error).command !== "CONN" || signal.aborted) break;
        }
      }
      throw failureOf(failure, `${settings.host}:${settings.port}`);
    },
  };
}

async function sendTo(
  address: string,
  settings: ChannelSettings["email"],
  notice: Notice,
  origin: Origin,
  signal: AbortSignal,
): Promise<Receipt> {
  const { host, port, security, username, password } = settings;
  const transport = createTransport({
    // The address that was checked; the certificate still has to be for the name.
    host: address,
    port,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    ...(address !== host && { tls: { servername: host } }),
    ...(username !== undefined && { auth: { user: username, pass: password ?? "" } }),
    name: origin.hostName,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // A message is text; nothing is read from files or fetched for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const stop = () => transport.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { response, rejected } = await transport.sendMail(mailOf(settings, notice, origin));
    const refused = rejected.length > 0 ? ` (not for ${rejected.length} of the recipients)` : "";
    return { status: codeOf(response) ?? 250, detail: `${cut(response, 500)}${refused}` };
  } finally {
    signal.removeEventListener("abort", stop);
    transport.close();
  }
}

function mailOf({ from, to }: { from: string; to: readonly string[] }, notice: Notice, origin: Origin) {
  const text = textOf(notice, origin);
  const domain = from.slice(from.lastIndexOf("@") + 1);
  return {
    from: { name: `llm-manager on ${origin.hostName}`, address: from },
    to: [...to],
    subject: cut(text.title, MAX_SUBJECT),
    text: plainText(text),
    // The same with every attempt: a server or a reader that got it twice shows it once.
    messageId: `<${notice.id}@${domain}>`,
    // One thread for all of an alert's messages.
    references: `<${notice.entries[0].alert.alert_id}.${Date.parse(notice.entries[0].alert.created_at)}@${domain}>`,
    date: new Date(notice.now),
    headers: { "auto-submitted": "auto-generated" },
    priority: text.severity === "critical" ? ("high" as const) : ("normal" as const),
  };
}

/** What nodemailer may have added to an error. */
interface SmtpFailure {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
}

function failureOf(error: unknown, target: string): DeliveryError {
  const { code, command, response, responseCode } = failed(error);
  const status = typeof responseCode === "number" ? responseCode : null;
  if (status === null || typeof response !== "string") {
    return new DeliveryError(`${target} failed (${typeof code === "string" ? code : "unknown error"})`);
  }
  // A 5xx to the message itself is for good; one to the login or the greeting can be put right.
  const aboutMessage = command === "RCPT TO" || command === "DATA" || command === "MAIL FROM";
  return new DeliveryError(`${target} answered ${cut(response, 500)}`, {
    status,
    final: status >= 500 && aboutMessage,
  });
}

function failed(error: unknown): SmtpFailure {
  return Object(error) as SmtpFailure;
}

function codeOf(response: string): number | undefined {
  const digits = /^[0-9]{3}/.exec(response)?.[0];
  return digits === undefined ? undefined : Number(digits);
}
