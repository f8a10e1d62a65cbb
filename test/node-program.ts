import { existsSync } from "node:fs";
import { join } from "node:path";

const installed = join(import.meta.dir, `../node_modules/node-${process.platform}-${process.arch}/bin/node`);

/** Node 22, the oldest one that is promised, where the registry has it for this platform; else the machine's own. */
export const nodeProgram = existsSync(installed) ? installed : "node";
