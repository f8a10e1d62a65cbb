import type { Hono } from "hono";

/** The methods that have a route at `path`: what a 405 must list. Whatever can be read answers HEAD as well. */
export function methodsAt(app: Pick<Hono, "routes">, path: string): string[] {
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && matches(route.path, path))
    .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return [...new Set(methods)].sort();
}

/** Whether a path with `:name` segments fits. */
function matches(pattern: string, path: string): boolean {
  const segments = pattern.split("/");
  const actual = path.split("/");
  return (
    segments.length === actual.length &&
    segments.every((segment, i) => (segment.startsWith(":") ? actual[i] !== "" : segment === actual[i]))
  );
}
