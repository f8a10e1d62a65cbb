import { type Client, connect } from "../client/connection.ts";
import type { Session } from "./context.ts";

/**
 * Runs `start` with a connection to the session's server until ctrl-c or SIGTERM, which are the ordinary end.
 *
 * A server that cannot be reached at the first try is an error, since then the URL is likely wrong; one that goes away
 * later is waited for.
 *
 * @throws UnreachableError, UnauthorizedError, SubscriptionRefusedError
 */
export async function live(session: Session, start: (client: Client) => Promise<void>): Promise<void> {
  using client = connect(session.url, { token: session.token });
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
  client.on("error", (error) => {
    if (client.state === "connecting" || client.state === "unauthorized") fail(error);
  });
  process.once("SIGINT", () => end());
  process.once("SIGTERM", () => end());
  // Ending early must end the waiting inside `start` as well, which closing the client does.
  start(client).catch(fail);
  await ended;
}

/** Tells on standard error what becomes of the connection, for whoever reads events line by line. */
export function noteConnection(client: Client, { url, output }: Session): void {
  client.on("state", (state) => {
    if (state === "connected") output.note(`connected to ${url}`);
    if (state === "reconnecting") output.note(`lost the connection to ${url}; reconnecting`);
  });
  client.on("gap", ({ stream, message }) => output.note(`${stream} may have missed events: ${message}`));
  client.on("server_shutdown", ({ message }) => output.note(message));
}
