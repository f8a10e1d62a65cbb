/**
 * How the page stands with the server.
 *
 *     connecting ──▶ connected ◀──▶ reconnecting
 *         │              │               │
 *         └──────────────┴───────────────┴──▶ unauthorized ──(token)──▶ connecting
 */
export type LinkState = "connecting" | "connected" | "reconnecting" | "unauthorized";

/** What the pill shows: `connected` is only called live while samples come. */
export type LinkStatus = "connecting" | "live" | "stale" | "reconnecting" | "unauthorized";

/** Three ticks of the 2 s stream. */
export const STALE_AFTER_MS = 6_000;

/**
 * @param sampleAgeMs since the last sample; undefined while there is none.
 * @param connectedMs since the connection was made, so that one that never gets a sample is told apart, too.
 */
export function linkStatus(state: LinkState, sampleAgeMs: number | undefined, connectedMs: number): LinkStatus {
  if (state !== "connected") return state;
  const silence = Math.min(sampleAgeMs ?? connectedMs, connectedMs);
  if (silence > STALE_AFTER_MS) return "stale";
  return sampleAgeMs === undefined ? "connecting" : "live";
}
