/** Everything of the OpenAPI document that is not a route; the routes' own definitions make up the rest. */
export function openApiInfo(version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "LLM Manager API",
      version,
      description:
        "Models, their deployments, and the history of both. Errors are RFC 9457 problems. What happens is pushed over Socket.IO: see /asyncapi.json.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "models", description: "The registry" },
      { name: "deployments", description: "Models being served" },
      { name: "activities", description: "The history" },
      { name: "alerts", description: "What is or was wrong" },
      { name: "status", description: "The machine and its models now" },
      { name: "server", description: "The server itself" },
    ],
  };
}
