import type { BunPlugin } from "bun";
import { root } from "./install.ts";

/**
 * better-sqlite3's usual entry looks for its addon on disk at run time: the result would work here, where node_modules is,
 * and nowhere else. Its entry for one platform (`linux-x64`, `linuxmusl-arm64`, …) requires the addon by name, which takes
 * it along.
 */
export function embedSqlite(platform: string): BunPlugin {
  const entry = Bun.resolveSync(`better-sqlite3/${platform}`, root);
  return {
    name: "embed-sqlite",
    setup(builder) {
      builder.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path: entry }));
    },
  };
}

/** better-sqlite3's name for the platform that this runs on. */
export function sqlitePlatform(): string {
  const musl = process.platform === "linux" && !hasGlibc();
  return `${musl ? "linuxmusl" : process.platform}-${process.arch}`;
}

function hasGlibc(): boolean {
  const report: unknown = process.report.getReport();
  return JSON.stringify(report).includes('"glibcVersionRuntime"');
}
