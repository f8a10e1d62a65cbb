import { networkReason, UnauthorizedError, UnreachableError } from "./errors.ts";

/**
 * A `connect_error` of Socket.IO as what a caller can act on.
 *
 * A refusal by the server's Socket.IO side carries `data`. What went wrong below is told differently by each transport:
 * WebSocket has an event with a message as `description`; polling has the HTTP status there (0 for none) and the answer,
 * or the error in place of its status text, in `context`. Browsers tell nothing about a failed WebSocket.
 */
export function connectFailure(url: string, error: Error): Error {
  const { data, description, context } = error as Error & { data?: unknown; description?: unknown; context?: unknown };
  if (stringIn(data, "code") === "unauthorized") {
    return new UnauthorizedError(stringIn(data, "detail") ?? stringIn(data, "message") ?? error.message);
  }
  if (data !== undefined) return new UnreachableError(url, error.message, { cause: error });

  const text = stringIn(description, "message") ?? stringIn(valueIn(context, "statusText"), "message");
  const status = typeof description === "number" ? description : Number(/response: (\d{3})$/.exec(text ?? "")?.[1]);
  const detail = detailOf(stringIn(context, "responseText"));
  if (status === 401) return new UnauthorizedError(detail ?? `${url} wants a token`);
  const answered = status > 0 ? `it answered ${status}` : undefined;
  return new UnreachableError(url, detail ?? answered ?? networkReason(text ?? error.message), { cause: error });
}

/** `detail` of the RFC 9457 problem that `body` is, if it is one. */
function detailOf(body: string | undefined): string | undefined {
  if (!body) return undefined;
  try {
    return stringIn(JSON.parse(body), "detail");
  } catch {
    return undefined;
  }
}

function stringIn(value: unknown, key: string): string | undefined {
  const found = valueIn(value, key);
  return typeof found === "string" ? found : undefined;
}

function valueIn(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
