import { deploymentFit, fitRequest } from "../fit.ts";
import { body, json, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

export const deploymentFitRoute = createRoute({
  method: "post",
  path: "/api/v1/deployments/fit",
  "x-scope": "write:deployments",
  tags: ["deployments"],
  summary: "Estimate whether a model would fit into this machine's memory, without starting it",
  request: { body: body(fitRequest) },
  responses: { 200: json(deploymentFit, "What it needs, and what is free"), ...problems },
});
