import type { Host } from "./host.ts";

/** The host for the runtime that this runs on; the other's modules are never loaded. */
export async function chooseHost(): Promise<Host> {
  if ("Bun" in globalThis) {
    const { bunHost } = await import("./bun.ts");
    return bunHost();
  }
  const { nodeHost } = await import("./node.ts");
  return nodeHost();
}
