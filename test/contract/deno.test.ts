import { replayClauses } from "./replay.contract.ts";
import { streamClauses } from "./streams.contract.ts";

for (const transport of ["websocket", "polling"] as const) {
  streamClauses("deno", transport);
  replayClauses("deno", transport);
}
