import type { Problem } from "../contract/problem.ts";
import type { SubscriptionError, SubscriptionErrorCode } from "../contract/streams.ts";

/** The server refused a subscription. */
export class SubscriptionRefusedError extends Error {
  override readonly name = "SubscriptionRefusedError";
  readonly code: SubscriptionErrorCode;
  /** The stream, or the event as it was sent. */
  readonly stream: string;
  /** What could have been asked for, when the name was wrong. */
  readonly validEvents: readonly string[] | undefined;

  constructor(error: SubscriptionError) {
    super(error.message);
    this.code = error.code;
    this.stream = error.event_type;
    this.validEvents = error.valid_events;
  }
}

/** The server cannot be reached: nothing listens there, the name is unknown, or it did not answer in time. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly url: string;

  constructor(url: string, reason: string, options?: ErrorOptions) {
    super(`cannot reach ${url}: ${reason}`, options);
    this.url = url;
  }
}

/** The server wants a token, or another one. */
export class UnauthorizedError extends Error {
  override readonly name = "UnauthorizedError";
}

/** The client was closed while something was still waited for. */
export class ClientClosedError extends Error {
  override readonly name = "ClientClosedError";

  constructor() {
    super("the client was closed");
  }
}

/** The REST API refused a request; `problem` says what is wrong and names each bad field. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.status = problem.status;
    this.problem = problem;
  }
}

/** What answered is not llm-manager's API: another server on that port, or a proxy in between. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";
  readonly status: number;

  constructor(url: string, status: number, contentType: string | null) {
    super(`${url} answered ${status} with ${contentType ?? "no content"}, which is not llm-manager's API`);
    this.status = status;
  }
}

/** Short words for the faults of a network that a person can do something about, whichever way a runtime tells them. */
export function networkReason(text: string): string {
  if (/ECONNREFUSED|connection refused/i.test(text)) return "nothing listens there";
  if (text.includes("ENOTFOUND") || text.includes("EAI_AGAIN")) return "this host name is not known";
  if (text.includes("ECONNRESET")) return "the connection was cut";
  // The first line only: some runtimes add a stack to the text.
  return text.replace(/^Error: /, "").split("\n", 1)[0] ?? text;
}
