/** Stands for a value the machine does not report. */
export const NO_VALUE = "–";

const KIB = 1024;
const RATE_UNITS = ["B/s", "KB/s", "MB/s", "GB/s", "TB/s"] as const;
const GB_PER_TB = 1024;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A figure apart from its unit, so that the unit can be set smaller. */
export interface Quantity {
  readonly figure: string;
  readonly unit: string;
}

type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** `45.23` → `45`. Below 10 one decimal is kept, since an idle machine lives there. */
export function percentQuantity(percent: Maybe): Quantity {
  if (!isKnown(percent)) return { figure: NO_VALUE, unit: "" };
  const rounded = percent.toFixed(1);
  return { figure: Number(rounded) < 10 ? rounded : percent.toFixed(0), unit: "%" };
}

/** Bytes a second in units of 1024, three digits at most: `1536` → `1.5 KB/s`. */
export function rateQuantity(bytesPerSecond: Maybe): Quantity {
  if (!isKnown(bytesPerSecond)) return { figure: NO_VALUE, unit: "" };
  let value = bytesPerSecond;
  let unit = 0;
  // 999.5 would be shown as 1000: four digits, where the next unit has two.
  while (value >= 999.5 && unit < RATE_UNITS.length - 1) {
    value /= KIB;
    unit += 1;
  }
  const decimals = unit === 0 || value >= 9.95 ? 0 : 1;
  return { figure: value.toFixed(decimals), unit: RATE_UNITS[unit] ?? "" };
}

/** A part of a whole, both in GB of 2^30 bytes and shown in the unit of the whole: `5.2 of 16 GB`, `1.0 of 1.8 TB`. */
export function partOfWhole(partGb: Maybe, wholeGb: Maybe): string {
  if (!isKnown(wholeGb)) return NO_VALUE;
  const [divisor, unit] = wholeGb >= GB_PER_TB ? [GB_PER_TB, "TB"] : [1, "GB"];
  const part = isKnown(partGb) ? size(partGb / divisor) : NO_VALUE;
  return `${part} of ${size(wholeGb / divisor)} ${unit}`;
}

function size(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
}

/** `3200` MHz → `3.2 GHz`. */
export function megahertz(mhz: Maybe): string {
  if (!isKnown(mhz)) return NO_VALUE;
  return mhz >= 1000 ? `${(mhz / 1000).toFixed(1)} GHz` : `${mhz.toFixed(0)} MHz`;
}

export function celsiusQuantity(degrees: Maybe): Quantity {
  return isKnown(degrees) ? { figure: degrees.toFixed(0), unit: "°C" } : { figure: NO_VALUE, unit: "" };
}

/** Figure and unit in one text, for where they are not set apart. */
export function quantityText({ figure, unit }: Quantity): string {
  return unit === "" ? figure : `${figure} ${unit}`;
}

/** Seconds as the two largest units: `42s`, `1m 05s`, `2h 03m`, `5d 04h`. */
export function duration(seconds: Maybe): string {
  if (!isKnown(seconds)) return NO_VALUE;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${twoDigits(whole % MINUTE)}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${twoDigits(Math.floor((whole % HOUR) / MINUTE))}m`;
  return `${Math.floor(whole / DAY)}d ${twoDigits(Math.floor((whole % DAY) / HOUR))}h`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** How long ago, in one unit: `now` (under 5 s), `12 s`, `3 min`, `2 h`, `4 d`. */
export function age(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 5) return "now";
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

/** Where a model answers: `localhost:8000`, `[::1]:8000`, or the host alone while it has no port. */
export function address(host: string, port: number | null): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === null ? host : `${name}:${port}`;
}

/** A word of the contract for people: `model_health_check` → `Model health check`. */
export function words(identifier: string): string {
  const text = identifier.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Wall-clock time of day in the reader's own zone, with seconds. */
export function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/** A moment in a chart over `spanMs`: with its day where the chart has several. */
export function momentText(milliseconds: number, spanMs: number): string {
  if (spanMs < 86_400_000) return timeOfDay(milliseconds);
  return new Date(milliseconds).toLocaleString(undefined, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}
