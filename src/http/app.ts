import { OpenAPIHono } from "@hono/zod-openapi";
import { requestId } from "hono/request-id";
import type { Access } from "../access/access.ts";
import { ProblemError } from "../contract/index.ts";
import { healthzRoute, readyzRoute } from "../contract/rest/status.ts";
import { type BuiltFile, serveAssets } from "./assets.ts";
import { jsonBody } from "./body.ts";
import { serveDocuments } from "./documents.ts";
import { type GuardParts, guard } from "./guard.ts";
import { crossOrigin, securityHeaders } from "./headers.ts";
import { knownFields } from "./known-fields.ts";
import { methodsAt } from "./methods.ts";
import type { Metrics } from "./metrics.ts";
import { needsOf, type PlainNeeds } from "./needs.ts";
import { type ErrorLog, errorHandler, problemResponse } from "./problems.ts";
import { validationProblem } from "./validation.ts";

/** Longest id that a caller, or a proxy, may give a request; others are replaced. */
const MAX_REQUEST_ID = 64;

export interface AppOptions {
  readonly access: Pick<Access, "refusal">;
  readonly guard: Omit<GuardParts, "log">;
  readonly corsOrigins: readonly string[];
  /** Whether browsers are told never to come by plain HTTP again. */
  readonly hsts: boolean;
  readonly maxBodyBytes: number;
  readonly version: string;
  readonly log: ErrorLog;
  readonly metrics: Metrics;
  readonly files: readonly BuiltFile[];
  /** Whether the server can do its work now. */
  readonly ready: () => boolean;
  /** The rooms' own routes. */
  readonly mounts: readonly ((app: OpenAPIHono) => void)[];
}

/** The HTTP side: every room's routes behind the same checks, and every error as a problem that names its cause. */
export function createApp(options: AppOptions): OpenAPIHono {
  const { access, log, version } = options;
  const app = new OpenAPIHono({
    defaultHook(result, c) {
      if (result.success) return;
      throw validationProblem(result.target, result.error, knownFields(app, c, result.target));
    },
  });
  app.onError(errorHandler(log));
  app.use(requestId({ limitLength: MAX_REQUEST_ID }));
  app.use(async (c, next) => {
    await next();
    // Again, since Hono forgets on an error what was prepared for its answer.
    c.res.headers.set("x-request-id", c.get("requestId"));
  });
  app.use(securityHeaders(options.hsts));
  app.use(options.metrics.middleware);
  app.use(async (c, next) => {
    const refusal = access.refusal(c.req.raw.headers);
    if (refusal) throw refusal;
    await next();
  });
  if (options.corsOrigins.length > 0) app.use(crossOrigin(options.corsOrigins));
  const plain = plainNeeds(options.files);
  app.use(guard(app, plain, { ...options.guard, log }));
  app.use("/api/*", jsonBody(options.maxBodyBytes));

  app.openapi(healthzRoute, (c) => c.json({ status: "ok" as const, version }, 200));
  app.openapi(readyzRoute, (c) =>
    isReady(options)
      ? c.json({ status: "ok" as const, version }, 200)
      : c.json({ status: "unavailable" as const, version }, 503),
  );
  for (const mount of options.mounts) mount(app);
  app.get("/metrics", () => options.metrics.response());
  serveDocuments(app, version);
  serveAssets(app, options.files);

  app.notFound((c) => {
    const allowed = methodsAt(app, c.req.path);
    if (allowed.length > 0) {
      const detail = `${c.req.method} is not possible at ${c.req.path}; it takes ${allowed.join(", ")}.`;
      return problemResponse(new ProblemError("method_not_allowed", detail), c.req.path, { allow: allowed.join(", ") });
    }
    const detail = `There is nothing at ${c.req.path}. /docs lists what there is.`;
    return problemResponse(new ProblemError("not_found", detail), c.req.path);
  });
  // A route that was forgotten ends the start, not the first request.
  needsOf(app, plain);
  return app;
}

/** What the routes need that are not in the contract. */
function plainNeeds(files: readonly BuiltFile[]): PlainNeeds {
  const pages = files.map(({ path }) => [path, "public"] as const);
  return {
    "/metrics": "read:resources",
    "/openapi.json": "public",
    "/asyncapi.json": "public",
    "/auth/oidc": "public",
    "/auth/oidc/callback": "public",
    ...Object.fromEntries(pages),
  };
}

function isReady(options: Pick<AppOptions, "ready" | "log">): boolean {
  try {
    return options.ready();
  } catch (error) {
    options.log.error("Not ready: {error}", { error });
    return false;
  }
}
