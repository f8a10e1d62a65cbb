import type { ExtendedError, Socket } from "socket.io";
import { ProblemError } from "../contract/index.ts";
import type { Access } from "./access.ts";
import type { Caller } from "./caller.ts";

/** What a connection's `data` holds of its caller, from the middleware on and over a recovery. */
export interface CallerData {
  caller: Caller;
}

type Handshake = Pick<Socket, "handshake" | "recovered"> & { readonly data: Partial<CallerData> };

/**
 * Socket.IO's middleware: finds out who is calling and keeps it with the connection. A token comes in `auth.token` or in
 * the Authorization header of the handshake; a browser that has signed in brings its cookie.
 */
export function socketAccess(
  access: Pick<Access, "peer" | "authenticate">,
  options: {
    /** Whether connections to this server are TLS. */
    readonly secure: boolean;
    readonly onError: (error: unknown) => void;
  },
) {
  return (socket: Handshake, next: (error?: ExtendedError) => void): void => {
    try {
      const caller = callerOf(socket, access, options.secure);
      // Rooms and missed events are those of who was connected before.
      if (socket.recovered && socket.data.caller?.id !== caller.id) {
        next(refused("session_changed", "This connection was somebody else's; connect anew."));
        return;
      }
      socket.data.caller = caller;
      next();
    } catch (error) {
      if (error instanceof ProblemError) next(refused(error.code, error.message));
      else {
        options.onError(error);
        next(refused("internal_error", "The server failed; its log says why."));
      }
    }
  };
}

function callerOf({ handshake }: Handshake, access: Pick<Access, "peer" | "authenticate">, secure: boolean): Caller {
  const headers = new Headers();
  for (const [name, value] of Object.entries(handshake.headers)) {
    if (value !== undefined) headers.set(name, String(value));
  }
  const peer = access.peer({ address: handshake.address, secure }, headers);
  const { token } = handshake.auth;
  return access.authenticate({ headers, peer, changes: false, token: typeof token === "string" ? token : undefined });
}

function refused(code: string, message: string): ExtendedError {
  return Object.assign(new Error(code), { data: { code, message } });
}
