import type { OpenAPIHono } from "@hono/zod-openapi";
import { accepts } from "hono/accepts";
import { ProblemError } from "../../contract/index.ts";
import { deploymentLogsRoute } from "../../contract/rest/logs.ts";
import type { Deployments } from "../deployments.ts";
import type { DeploymentLogs } from "./logs.ts";
import { type LogFormat, logFormats, logResponse } from "./response.ts";

export function mountDeploymentLogs(
  app: OpenAPIHono,
  { deployments, logs }: { deployments: Pick<Deployments, "get">; logs: DeploymentLogs },
): void {
  app.openapi(deploymentLogsRoute, (c) => {
    const { deployment_id: id } = c.req.valid("param");
    const { follow = false, ...query } = c.req.valid("query");
    // Who asks for what is not there learns it, instead of waiting for lines.
    deployments.get(id);
    const supports = Object.keys(logFormats);
    const format = accepts(c, { header: "Accept", supports, default: "text/plain" }) as LogFormat;
    // A browser's EventSource says in this header where it was.
    const last = c.req.header("last-event-id");
    const asked = last !== undefined && format === "text/event-stream" ? { ...query, after: last } : query;
    if (!follow) return logResponse(logs.read(id, asked), format);
    if (query.start === "previous") {
      const errors = [{ field: "follow", message: "is for the current start; the one before is over" }];
      throw new ProblemError("validation_failed", "The log of the start before cannot be followed.", errors);
    }
    const left = new AbortController();
    return logResponse(logs.follow(id, asked, left.signal), format, () => left.abort());
  });
}
