import type { Clock } from "../clock.ts";

/** The decided time for what a run had to be seen free again. */
const PATIENCE_MS = 10_000;
const POLL_MS = 500;
const MIB = 1024 * 1024;

/** What one run had of the machine. */
export interface Held {
  readonly host: string;
  readonly port: number | null;
  /** Its processes, as they were before it was stopped. */
  readonly pids: readonly number[];
}

export interface ReleaseParts {
  readonly listener: (host: string, port: number) => Promise<string | undefined>;
  /** GPU memory by process, in bytes; empty where no such thing can be seen. */
  readonly gpuMemory: () => Promise<ReadonlyMap<number, number>>;
  readonly clock: Clock;
}

/**
 * Whether a run that is over has given back its port and its GPU memory, within ten seconds.
 *
 * GPU memory is looked at by process: what the driver still lists for one of the run's is a leak. Where this server sees
 * other process numbers than the driver, as in a container, or no driver, nothing can be said of it and nothing is.
 *
 * @param goOn asked before each look; a run that was started anew may hold the port with good reason.
 * @returns what is still held, in words; empty when nothing is, or when it need not be known any more.
 */
export async function leaks(held: Held, parts: ReleaseParts, goOn: () => boolean): Promise<string[]> {
  const { clock } = parts;
  for (let waited = 0; goOn(); waited += POLL_MS) {
    const found = await stillHeld(held, parts);
    if (found.length === 0) return [];
    if (waited >= PATIENCE_MS) return goOn() ? found : [];
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
  return [];
}

async function stillHeld({ host, port, pids }: Held, { listener, gpuMemory }: ReleaseParts): Promise<string[]> {
  const found: string[] = [];
  const who = port === null ? undefined : await listener(host, port);
  if (who !== undefined) found.push(`port ${port} is still held by ${who}`);
  if (pids.length === 0) return found;
  const memory = await gpuMemory();
  for (const pid of pids) {
    const bytes = memory.get(pid) ?? 0;
    if (bytes > 0) found.push(`${Math.round(bytes / MIB)} MiB of GPU memory are still held by process ${pid}`);
  }
  return found;
}
