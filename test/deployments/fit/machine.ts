import type { Resources } from "../../../src/resources/sampler.ts";

/** Resources of a machine with so much memory, in GiB; `error` when nobody can read them. */
export function machine(
  total_gb: number | null,
  available_gb: number | null,
  devices: readonly object[] = [],
  error?: Error,
): Pick<Resources, "latest" | "sample"> {
  const sample = async () => {
    if (error) throw error;
    return { data: { memory: { total_gb, available_gb }, gpu: { devices } } };
  };
  // Only these parts of a reading are looked at.
  return { latest: () => null, sample } as unknown as Pick<Resources, "latest" | "sample">;
}
