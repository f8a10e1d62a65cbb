import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What `GET /control` of the engine tells. */
export interface EngineState {
  readonly connections: number;
  readonly asked: Readonly<Record<string, number>>;
}

export interface FakeEngine extends AsyncDisposable {
  readonly port: number;
  /** Changes how it behaves; see engine.ts. */
  control(change: Record<string, unknown>): Promise<EngineState>;
  state(): Promise<EngineState>;
  /** Ends the process and waits until it is gone, its port refused. */
  crash(): Promise<void>;
}

/** Starts engine.ts as a process of its own with the runtime of the test, and waits until its port is known. */
export async function startEngine(...flags: readonly string[]): Promise<FakeEngine> {
  const program = fileURLToPath(new URL("engine.ts", import.meta.url));
  const run = "Deno" in globalThis ? ["run", "-A", program] : [program];
  const child = spawn(process.execPath, [...run, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    exited.then(([code]) => Promise.reject(new Error(`the fake engine ended with ${code}`))),
  ]);
  const { port, control_port: controlPort } = JSON.parse(String(line)) as { port: number; control_port: number };
  const url = `http://127.0.0.1:${controlPort}/control`;
  const ask = async (init: RequestInit = {}): Promise<EngineState> => {
    const response = await fetch(url, { ...init, headers: { connection: "close" }, keepalive: false });
    return (await response.json()) as EngineState;
  };
  const crash = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return {
    port,
    control: (change) => ask({ method: "POST", body: JSON.stringify(change) }),
    state: () => ask(),
    crash,
    [Symbol.asyncDispose]: crash,
  };
}
