import type { Alert, ChannelEvent, ChannelKind, ChannelSettings } from "../../contract/index.ts";

/** What happened to one alert. `reminder`: nothing, it still is as it was. `test`: nothing, somebody tries the channel. */
export interface NoticeEntry {
  readonly event: ChannelEvent | "reminder" | "test";
  /** The alert as it was then. */
  readonly alert: Alert;
  /** Milliseconds since the epoch. */
  readonly happenedAt: number;
}

/** One message: an entry, or several that happened within seconds. */
export interface Notice {
  /** The same with every attempt, so that a receiver that got it twice can tell. */
  readonly id: string;
  readonly entries: readonly [NoticeEntry, ...NoticeEntry[]];
  /** When this attempt is made, in milliseconds since the epoch. */
  readonly now: number;
}

/** Where messages come from: what they say about this server. */
export interface Origin {
  readonly hostName: string;
  readonly version: string;
  /** Address of the page, without a slash at the end; undefined where nobody said. */
  readonly publicUrl: string | undefined;
}

/** The receiver's answer to a message that it took. */
export interface Receipt {
  readonly status: number;
  readonly detail: string;
}

export interface Notifier<Kind extends ChannelKind> {
  /** The host it sends to, for people; never a secret. */
  target(settings: ChannelSettings[Kind]): string;
  /** @throws DeliveryError when the receiver did not take it, or was not reached. */
  send(settings: ChannelSettings[Kind], notice: Notice, signal: AbortSignal): Promise<Receipt>;
}

/** A channel's kind with that kind's settings. */
export type Destination = {
  [Kind in ChannelKind]: { readonly kind: Kind; readonly settings: ChannelSettings[Kind] };
}[ChannelKind];

/** What became of one attempt to deliver a message. `detail` is the receiver's answer, or why there is none. */
export type Outcome =
  | { readonly delivered: true; readonly status: number; readonly detail: string }
  | {
      readonly delivered: false;
      readonly status: number | null;
      readonly detail: string;
      readonly final: boolean;
      readonly retryAfterMs: number | undefined;
    };

/** All kinds behind one door: what the rest of the server sees of them. */
export interface Notifiers {
  /** The host that is sent to, for people; never a secret. */
  target(destination: Destination): string;
  send(destination: Destination, notice: Notice, signal: AbortSignal): Promise<Outcome>;
}

/** A message that was not taken, and what that says about another attempt. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  /** The HTTP status or the SMTP reply code; null without an answer. */
  readonly status: number | null;
  /** Whether the receiver refused this very message, so that sending it again would change nothing. */
  readonly final: boolean;
  /** How long the receiver wants to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    about: { status?: number | null; final?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.status = about.status ?? null;
    this.final = about.final ?? false;
    this.retryAfterMs = about.retryAfterMs;
  }
}
