import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Half a second is soon for a person and costs nothing: one system call without effect. */
const LOOK_EVERY_MS = 500;

/**
 * Ends this process as SIGTERM would when the npm command that started it is gone.
 *
 * `npx bun run start` is a chain: npm → sh → bun run → this process. Told to stop, npm passes SIGTERM to its shell, which
 * ends without telling anyone; the server would stay behind with its port and data directory taken. Ctrl-C is not
 * affected: a terminal sends it to the whole chain. Without npm nothing is watched: a server that a script left in the
 * background is meant to outlive it.
 */
export function endWithNpm(): void {
  if (process.platform === "win32" || !process.env.npm_config_user_agent?.startsWith("npm/")) return;
  const launcher = parentOf(process.ppid);
  if (launcher === undefined || launcher <= 1) return;
  const timer = setInterval(() => {
    if (isAlive(launcher)) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, LOOK_EVERY_MS);
  timer.unref();
}

function parentOf(pid: number): number | undefined {
  const text = process.platform === "linux" ? statOf(pid) : spawnSync("ps", ["-o", "ppid=", "-p", `${pid}`]).stdout;
  const parent = Number.parseInt(String(text), 10);
  return Number.isNaN(parent) ? undefined : parent;
}

/** `/proc/PID/stat` from the parent's pid on: `PID (name) STATE PPID …`, where the name may hold anything. */
function statOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 4);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
