/** How a token is sent, in OpenAPI's words. */
export const bearerScheme = {
  type: "http",
  scheme: "bearer",
  description: "Needed unless the server listens on a loopback address without AUTH_TOKEN.",
} as const;

/** Under which `bearerScheme` is registered. */
export const BEARER = "bearer";

/** How a browser that has signed in is known again. Behind TLS the cookie is called `__Host-llmm_session`. */
export const sessionScheme = {
  type: "apiKey",
  in: "cookie",
  name: "llmm_session_5000",
  description:
    "A browser's session, made by POST /api/v1/session. Named after the port, and __Host-llmm_session over HTTPS.",
} as const;

/** Under which `sessionScheme` is registered. */
export const SESSION = "session";

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
    security: [{}, { [BEARER]: [] }, { [SESSION]: [] }],
    tags: [
      { name: "models", description: "The registry" },
      { name: "deployments", description: "Models being served" },
      { name: "activities", description: "The history" },
      { name: "alerts", description: "What is or was wrong" },
      { name: "notifications", description: "Who is told of alerts, and how" },
      { name: "status", description: "The machine and its models now" },
      { name: "access", description: "Who may call" },
      { name: "server", description: "The server itself" },
    ],
  };
}
