import { execFile } from "node:child_process";

/** The driver answers in some 100 ms; one that hangs is not waited for. */
const TIMEOUT_MS = 5_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const MIB = 1024 * 1024;
const QUERY = ["--query-compute-apps=pid,used_gpu_memory", "--format=csv,noheader,nounits"];

/**
 * Memory that each process has on NVIDIA devices, in bytes, over all devices. Asked for after an engine was stopped, never
 * on the way of a sample, so one short process is allowed. Empty where there is no driver or it says nothing.
 */
export function nvidiaProcesses(program = "nvidia-smi"): Promise<ReadonlyMap<number, number>> {
  return new Promise((resolve) => {
    execFile(program, QUERY, { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }, (error, output) =>
      resolve(error ? new Map() : processMemory(output)),
    );
  });
}

/** `1234, 15221`; memory that is `[N/A]`, as under WDDM and on unified memory, is not known and left out. */
export function processMemory(output: string): ReadonlyMap<number, number> {
  const memory = new Map<number, number>();
  for (const line of output.split("\n")) {
    const [, pid, mib] = /^\s*([0-9]+),\s*([0-9]+)\s*$/.exec(line) ?? [];
    if (pid !== undefined) memory.set(Number(pid), (memory.get(Number(pid)) ?? 0) + Number(mib) * MIB);
  }
  return memory;
}
