/**
 * `bun run start [options]`: makes a fresh clone ready, then is the server. Being it, rather than starting it, means that
 * a signal reaches it and that its exit code is this one's.
 */
import { prepare, StepFailed } from "./install.ts";
import { endWithNpm } from "./launcher.ts";

try {
  prepare("production");
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(error.message);
  process.exit(1);
}
endWithNpm();
await import("../src/main.ts");
