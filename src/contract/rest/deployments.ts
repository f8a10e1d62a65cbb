import { z } from "@hono/zod-openapi";
import { createDeployment, deployment, deploymentStatus, runtime } from "../deployments.ts";
import { deploymentId, modelId } from "../primitives.ts";
import { body, json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const params = z.strictObject({ deployment_id: deploymentId });
const tags = ["deployments"];

export const deploymentPage = page(deployment).openapi("DeploymentPage");
export const runtimeList = z.object({ items: z.array(runtime) }).openapi("RuntimeList");

export const listDeploymentsRoute = createRoute({
  method: "get",
  path: "/api/v1/deployments",
  "x-scope": "read:deployments",
  tags,
  summary: "List deployments, by deployment_id",
  request: {
    query: z.strictObject({
      after: deploymentId.optional(),
      model_id: modelId.optional(),
      status: deploymentStatus.optional(),
      limit,
    }),
  },
  responses: { 200: json(deploymentPage, "A page of deployments"), ...problems },
});

export const createDeploymentRoute = createRoute({
  method: "post",
  path: "/api/v1/deployments",
  "x-scope": "write:deployments",
  tags,
  summary: "Deploy a model and start it",
  request: { body: body(createDeployment) },
  responses: { 201: json(deployment, "The new deployment, already starting"), ...problems },
});

export const getDeploymentRoute = createRoute({
  method: "get",
  path: "/api/v1/deployments/{deployment_id}",
  "x-scope": "read:deployments",
  tags,
  summary: "Get a deployment",
  request: { params },
  responses: { 200: json(deployment, "The deployment"), ...problems },
});

function command(verb: "start" | "stop" | "restart", summary: string) {
  return createRoute({
    method: "post",
    path: `/api/v1/deployments/{deployment_id}/${verb}`,
    "x-scope": "write:deployments",
    tags,
    summary,
    request: { params },
    responses: { 202: json(deployment, "The deployment, on its way"), ...problems },
  });
}

export const startDeploymentRoute = command("start", "Start a deployment that is stopped or failed");
export const stopDeploymentRoute = command("stop", "Stop a deployment");
export const restartDeploymentRoute = command("restart", "Stop a deployment if it runs, and start it");

export const deleteDeploymentRoute = createRoute({
  method: "delete",
  path: "/api/v1/deployments/{deployment_id}",
  "x-scope": "write:deployments",
  tags,
  summary: "Stop a deployment if it runs, and remove it",
  request: { params },
  responses: { 204: { description: "It is gone; its history stays" }, ...problems },
});

export const listRuntimesRoute = createRoute({
  method: "get",
  path: "/api/v1/runtimes",
  "x-scope": "read:deployments",
  tags,
  summary: "List the runtimes a deployment can name, and which of them can start here",
  responses: { 200: json(runtimeList, "The runtimes"), ...problems },
});
