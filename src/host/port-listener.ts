import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";

/** `localhost` means both loopback addresses, and engines take either. */
const LOOPBACK = ["127.0.0.1", "::1"];

/** Found by trying to listen there: who does so already, in words; undefined when nobody does. */
export async function portListener(host: string, port: number): Promise<string | undefined> {
  for (const address of host === "localhost" ? LOOPBACK : [host]) {
    if (await isTaken(address, port)) return listenerOf(port) ?? "another program";
  }
  return undefined;
}

/** What else can be wrong with the address, such as that it is not this machine's, the engine says better. */
function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(false)));
  });
}

/** `llama-server (process 1234)`, from Linux's /proc; undefined elsewhere, and for another user's process. */
function listenerOf(port: number): string | undefined {
  const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listening(table, port)));
  if (inodes.size === 0) return undefined;
  const pid = readdirSync("/proc").find((name) => /^[0-9]+$/.test(name) && holdsOne(name, inodes));
  return pid === undefined ? undefined : `${textOf(`/proc/${pid}/comm`).trim()} (process ${pid})`;
}

/** Inodes of the sockets that listen on `port`. A line is `sl local_address rem_address st … uid timeout inode`. */
function listening(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = textOf(`/proc/net/${table}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, local = "", , state, , , , , , inode = ""]) =>
    local.endsWith(`:${hex}`) && state === "0A" ? [inode] : [],
  );
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const [, inode = ""] = /^socket:\[([0-9]+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inodes.has(inode);
    });
  } catch {
    // Another user's, or gone.
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
