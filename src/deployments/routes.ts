import type { OpenAPIHono } from "@hono/zod-openapi";
import { isoTime, systemClock } from "../clock.ts";
import type { Deployment, Scope } from "../contract/index.ts";
import {
  createDeploymentRoute,
  deleteDeploymentRoute,
  getDeploymentRoute,
  listDeploymentsRoute,
  listRuntimesRoute,
  restartDeploymentRoute,
  startDeploymentRoute,
  stopDeploymentRoute,
} from "../contract/rest/deployments.ts";
import { getModelStatusRoute } from "../contract/rest/status.ts";
import type { Deployments } from "./deployments.ts";

/** What is shown of `deployment` to who may not read logs, in which engines write prompts. */
function shownTo(caller: { readonly scopes: ReadonlySet<Scope> }, deployment: Deployment): Deployment {
  const { failure } = deployment;
  if (!failure || caller.scopes.has("read:logs")) return deployment;
  return { ...deployment, failure: { ...failure, last_lines: [] } };
}

export function mountDeployments(app: OpenAPIHono, deployments: Deployments): void {
  app.openapi(listDeploymentsRoute, (c) => {
    const { items, next } = deployments.list(c.req.valid("query"));
    return c.json({ items: items.map((deployment) => shownTo(c.get("caller"), deployment)), next }, 200);
  });
  app.openapi(createDeploymentRoute, async (c) => {
    const input = c.req.valid("json");
    await deployments.assertPortFree(input);
    return c.json(deployments.create(input, await deployments.assertFits(input)), 201);
  });
  app.openapi(getDeploymentRoute, (c) =>
    c.json(shownTo(c.get("caller"), deployments.get(c.req.valid("param").deployment_id)), 200),
  );
  app.openapi(startDeploymentRoute, async (c) =>
    c.json(shownTo(c.get("caller"), await deployments.start(c.req.valid("param").deployment_id)), 202),
  );
  app.openapi(stopDeploymentRoute, async (c) =>
    c.json(shownTo(c.get("caller"), await deployments.stop(c.req.valid("param").deployment_id)), 202),
  );
  app.openapi(restartDeploymentRoute, async (c) =>
    c.json(shownTo(c.get("caller"), await deployments.restart(c.req.valid("param").deployment_id)), 202),
  );
  app.openapi(deleteDeploymentRoute, async (c) => {
    await deployments.remove(c.req.valid("param").deployment_id);
    return c.body(null, 204);
  });
  app.openapi(listRuntimesRoute, (c) => c.json({ items: deployments.runtimes() }, 200));
  app.openapi(getModelStatusRoute, (c) =>
    c.json({ timestamp: isoTime(systemClock.now()), data: deployments.status() }, 200),
  );
}
