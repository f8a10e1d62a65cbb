/** How a token is sent, in OpenAPI's words. */
export const bearerScheme = {
  type: "http",
  scheme: "bearer",
  description: "Needed unless the server listens on a loopback address without AUTH_TOKEN.",
} as const;

/** Under which `bearerScheme` is registered. */
export const BEARER = "bearer";

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
    // The empty one says that a token may be left out, where the server asks for none.
    security: [{}, { [BEARER]: [] }],
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
