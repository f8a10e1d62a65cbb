import { brotliDecompressSync } from "node:zlib";
import type { Context, Hono } from "hono";

/** A file of the page as its build left it. */
export interface BuiltFile {
  /** Where it is served. */
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content, so it may be cached for ever. */
  readonly immutable: boolean;
  /** Brotli, base64. */
  readonly brotli: string;
}

/** Serves the page's files, compressed as they are to who can read that, and not at all to who has them already. */
export function serveAssets(app: Pick<Hono, "get">, files: readonly BuiltFile[]): void {
  for (const file of files) {
    // Decoded at the first request, so that a start does not wait for it.
    let brotli: Uint8Array<ArrayBuffer> | undefined;
    app.get(file.path, (c) => {
      const headers = {
        "content-type": file.type,
        etag: file.etag,
        vary: "Accept-Encoding",
        "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      };
      if (has(c, file.etag)) return c.body(null, 304, headers);
      brotli ??= new Uint8Array(Buffer.from(file.brotli, "base64"));
      if (reads(c, "br")) return c.body(brotli, 200, { ...headers, "content-encoding": "br" });
      return c.body(new Uint8Array(brotliDecompressSync(brotli)), 200, headers);
    });
  }
}

/** Whether the client says it has this version. */
export function has(c: Context, etag: string): boolean {
  return (c.req.header("if-none-match") ?? "").split(",").some((known) => known.trim().replace(/^W\//, "") === etag);
}

function reads(c: Context, encoding: string): boolean {
  return (c.req.header("accept-encoding") ?? "").split(",").some((entry) => entry.trim().split(";")[0] === encoding);
}
