const UNITS = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 } as const;

/** `8GB` in bytes; null for null and for what is no such size. */
export function bytesOf(limit: string | null): number | null {
  const [, number, unit] = /^([0-9.]+)(B|KB|MB|GB|TB)$/.exec(limit ?? "") ?? [];
  return number === undefined ? null : Math.floor(Number(number) * UNITS[unit as keyof typeof UNITS]);
}
