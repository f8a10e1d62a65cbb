import { ListenError } from "./host.ts";

/** Says in one line which address could not be bound and what helps; `cause` is what the runtime threw. */
export function listenError(hostname: string, port: number, cause: unknown): ListenError {
  const address = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  return new ListenError(`Cannot listen on ${address}: ${explain(codeOf(cause), cause)}`, { cause });
}

function explain(code: string | undefined, cause: unknown): string {
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use. Stop the program that holds it or choose another with PORT.";
    case "EACCES":
    case "EPERM":
      return "this user is not permitted to. Choose a PORT of 1024 or more.";
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAFNOSUPPORT":
    case "EINVAL":
      return "it is not an address of this machine. Set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
