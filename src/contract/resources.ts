import { z } from "@hono/zod-openapi";
import { level, percent } from "./primitives.ts";

/** What the percentages refer to: the whole machine, or the limits of the container the server runs in. */
export const scope = z.enum(["host", "container"]);

export const cpuResources = z.object({
  usage_percent: percent,
  /** Cores that can be used; in a container with a CPU limit, that limit (may be a fraction). */
  cores: z.number().positive(),
  /** MHz, averaged over the cores. */
  frequency: z.number().nonnegative().nullable(),
  status: level.nullable(),
  scope: scope.optional(),
});

export const memoryResources = z.object({
  /** (total − available) ÷ total. */
  usage_percent: percent,
  /** GB are 2^30 bytes, one decimal. */
  total_gb: z.number().nonnegative().nullable(),
  available_gb: z.number().nonnegative().nullable(),
  status: level.nullable(),
  scope: scope.optional(),
});

export const diskResources = z.object({
  usage_percent: percent,
  total_gb: z.number().nonnegative().nullable(),
  free_gb: z.number().nonnegative().nullable(),
  status: level.nullable(),
  /** The directory whose file system is measured. */
  path: z.string().optional(),
  /** What `free_gb` rounds. */
  free_bytes: z.number().nonnegative().nullable().optional(),
  /** Of the files and directories the file system has room for; null where it makes room as it goes (btrfs). */
  inodes_usage_percent: percent.optional(),
});

export const gpuDevice = z.object({
  id: z.number().int().nonnegative(),
  name: z.string(),
  usage_percent: percent,
  memory_usage_percent: percent,
  /** Degrees Celsius. */
  temperature: z.number().nullable(),
  /** Level of `usage_percent` (of `memory_usage_percent` where the device reports no utilisation). */
  status: level.nullable(),
  vendor: z.enum(["nvidia", "amd"]).optional(),
  /** Stable over reboots where the vendor gives one; a MIG slice has its own. */
  uuid: z.string().optional(),
  memory_total_gb: z.number().nonnegative().nullable().optional(),
  memory_used_gb: z.number().nonnegative().nullable().optional(),
  power_watts: z.number().nonnegative().nullable().optional(),
});

export const gpuResources = z.object({
  available: z.boolean(),
  device_count: z.number().int().nonnegative(),
  devices: z.array(gpuDevice),
});

/** Cumulative since boot over the interfaces that are not loopback; null where the system does not count. */
export const networkResources = z.object({
  bytes_sent: z.number().int().nonnegative().nullable(),
  bytes_recv: z.number().int().nonnegative().nullable(),
  packets_sent: z.number().int().nonnegative().nullable(),
  packets_recv: z.number().int().nonnegative().nullable(),
  bytes_sent_per_sec: z.number().nonnegative().nullable().optional(),
  bytes_recv_per_sec: z.number().nonnegative().nullable().optional(),
});

export const systemResources = z
  .object({
    cpu: cpuResources,
    memory: memoryResources,
    disk: diskResources,
    gpu: gpuResources,
    network: networkResources,
  })
  .openapi("SystemResources");

export type CpuResources = z.infer<typeof cpuResources>;
export type MemoryResources = z.infer<typeof memoryResources>;
export type DiskResources = z.infer<typeof diskResources>;
export type GpuDevice = z.infer<typeof gpuDevice>;
export type GpuResources = z.infer<typeof gpuResources>;
export type NetworkResources = z.infer<typeof networkResources>;
export type SystemResources = z.infer<typeof systemResources>;
