/**
 * `bun run start [options]`: makes a fresh clone ready, then is the server. Being it, rather than starting it, means that
 * a signal reaches it and that its exit code is this one's.
 */
import { prepareOrExit } from "./install.ts";
import { endWithNpm } from "./launcher.ts";

prepareOrExit("production");
endWithNpm();
await import("../src/main.ts");
