import { createHash } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { asyncApiDocument } from "../contract/asyncapi.ts";
import { BEARER, bearerScheme, openApiInfo, SESSION, sessionScheme } from "../contract/openapi.ts";
import { has } from "./assets.ts";

/** Serves `/openapi.json` and `/asyncapi.json`, made at the first request and then kept. */
export function serveDocuments(app: OpenAPIHono, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", BEARER, bearerScheme);
  app.openAPIRegistry.registerComponent("securitySchemes", SESSION, sessionScheme);
  serveDocument(app, "/openapi.json", () => app.getOpenAPI31Document(openApiInfo(version)));
  serveDocument(app, "/asyncapi.json", () => asyncApiDocument(version));
}

function serveDocument(app: OpenAPIHono, path: string, make: () => object): void {
  let document: { readonly text: string; readonly etag: string } | undefined;
  app.get(path, (c) => {
    if (!document) {
      const text = JSON.stringify(make());
      document = { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"` };
    }
    const headers = { etag: document.etag, "cache-control": "no-cache", "content-type": "application/json" };
    return has(c, document.etag) ? c.body(null, 304, headers) : c.body(document.text, 200, headers);
  });
}
