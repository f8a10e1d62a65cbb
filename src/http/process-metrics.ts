import { Counter, Gauge, type Registry } from "prom-client";

/**
 * The process's own figures, under the names that Prometheus gives them, read when somebody asks and not before.
 *
 * Not prom-client's `collectDefaultMetrics`: its event loop histogram wakes the process a hundred times a second, which
 * is 5 ms of CPU a second on Bun, Deno and Node alike, and on Bun most of its V8 figures are zeros.
 */
export function registerProcessMetrics(register: Registry): void {
  const registers = [register];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory that the process has in RAM",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_heap_bytes",
    help: "JavaScript heap in use",
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since the epoch",
    registers,
  }).set(Math.round(Date.now() / 1000 - process.uptime()));
}
