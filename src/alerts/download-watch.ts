import type { Activity } from "../contract/index.ts";
import type { Store } from "../store/store.ts";
import { factSays } from "./content.ts";
import type { Monitor } from "./monitor.ts";
import { rules } from "./rules.ts";

/** More at a time are one trouble, not many; what is beyond is in the history alone. */
const MOST = 200;

/**
 * Makes an incident of each download that failed: an entry of the type `download_task` with the severity `error` (or
 * `critical`), whoever wrote it. It is over with the next entry about the same thing that is none.
 */
export class DownloadWatch implements Disposable {
  readonly #monitor: Monitor;
  readonly #subscription: Disposable;

  constructor(parts: { store: Store; monitor: Monitor }) {
    this.#monitor = parts.monitor;
    this.#subscription = parts.store.bus.on("activity_stream", ({ data }) => {
      if (data.activity_type === "download_task") this.#heard(data);
    });
  }

  /** What failed is still so. */
  tick(): void {
    for (const key of this.#monitor.keysOf("download_failed")) this.#monitor.again(key);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #heard({ severity, message, resource_id }: Activity): void {
    const value = severity === "critical" ? 2 : severity === "error" ? 1 : 0;
    const key = resource_id === null ? "download" : `download:${resource_id}`;
    // Most entries are about a download that goes well.
    if (!this.#monitor.watches(key) && (value === 0 || this.#monitor.keysOf("download_failed").length >= MOST)) return;
    const id = resource_id === null ? {} : { id: resource_id };
    this.#monitor.observe({
      key,
      rule: "download_failed",
      value,
      says: factSays(rules.download_failed, {
        resource: { type: "download", ...id, current_value: value, threshold: 1, unit: "" },
        title: "Download Failed",
        message,
        overTitle: "Download Goes On",
        overMessage: message,
      }),
    });
  }
}
