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
    // Browsers read Brotli only over TLS and from this machine; for the others it is unpacked once.
    let plain: Uint8Array<ArrayBuffer> | undefined;
    app.get(file.path, (c) => {
      const headers = {
        "content-type": file.type,
        // Weak, since it stands for both encodings.
        etag: `W/${file.etag}`,
        vary: "Accept-Encoding",
        "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      };
      if (has(c, file.etag)) return c.body(null, 304, headers);
      brotli ??= new Uint8Array(Buffer.from(file.brotli, "base64"));
      if (readsBrotli(c)) return c.body(brotli, 200, { ...headers, "content-encoding": "br" });
      plain ??= new Uint8Array(brotliDecompressSync(brotli));
      return c.body(plain, 200, headers);
    });
  }
}

/** Whether the client says it has this version. Weakly compared, as RFC 9110 (13.1.2) wants it. */
export function has(c: Context, etag: string): boolean {
  const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}

function readsBrotli(c: Context): boolean {
  return (c.req.header("accept-encoding") ?? "").split(",").some((entry) => {
    const [coding, ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    return coding === "br" && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
