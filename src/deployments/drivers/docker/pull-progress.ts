import type { PullMessage } from "./container-engine.ts";

/**
 * How far a pull has come, of what is known of it: the Engine learns of layers on the way, so percent can go back. It is
 * null until the size of anything is known.
 */
export interface Pulled {
  readonly percent: number | null;
  readonly bytes: number;
  readonly totalBytes: number;
}

interface Layer {
  readonly bytes: number;
  readonly totalBytes: number;
}

/** More layers than an image can have (127); what comes beyond is not counted. */
const LAYERS = 512;

/** Adds up what the Engine tells of each layer while it pulls an image. */
export class PullProgress {
  readonly #layers = new Map<string, Layer>();

  get pulled(): Pulled {
    let bytes = 0;
    let totalBytes = 0;
    for (const layer of this.#layers.values()) {
      bytes += layer.bytes;
      totalBytes += layer.totalBytes;
    }
    return { percent: totalBytes > 0 ? Math.floor((bytes / totalBytes) * 100) : null, bytes, totalBytes };
  }

  /** @returns whether something moved. */
  add({ id, status, progressDetail }: PullMessage): boolean {
    if (id === undefined) return status !== undefined;
    const known = this.#layers.get(id);
    if (!known && this.#layers.size >= LAYERS) return false;
    const next = nextOf(known, status, progressDetail);
    if (!next) return known === undefined;
    this.#layers.set(id, next);
    return known?.bytes !== next.bytes || known.totalBytes !== next.totalBytes;
  }
}

function nextOf(known: Layer | undefined, status: string | undefined, detail: PullMessage["progressDetail"]) {
  if (status === "Downloading" && detail?.total !== undefined && detail.total > 0) {
    return { bytes: Math.min(Math.max(detail.current ?? 0, 0), detail.total), totalBytes: detail.total };
  }
  // What is unpacked has been downloaded, whatever was told last; how far that is says nothing of the whole.
  if (known && /^(?:Verifying|Download complete|Extracting|Pull complete)/.test(status ?? "")) {
    return { ...known, bytes: known.totalBytes };
  }
  return undefined;
}
