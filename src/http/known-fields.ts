import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";

/** The names that are allowed in the object at `path` of what a request carries, undefined where any are. */
export type KnownFields = (path: readonly PropertyKey[]) => readonly string[] | undefined;

/** What the route that answers `c` takes in its body, its path or its query. */
export function knownFields(app: Pick<OpenAPIHono, "openAPIRegistry">, c: Context, target: string): KnownFields {
  const schema = inputSchema(app, c, target);
  return (path) => {
    const object = path.reduce(child, unwrapped(schema));
    return object instanceof z.ZodObject ? Object.keys(object.shape) : undefined;
  };
}

function inputSchema(app: Pick<OpenAPIHono, "openAPIRegistry">, c: Context, target: string): unknown {
  const path = routePath(c);
  const method = c.req.method === "HEAD" ? "get" : c.req.method.toLowerCase();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { route } = definition;
    if (route.method !== method || route.path.replaceAll(/\{(\w+)\}/g, ":$1") !== path) continue;
    if (target === "query") return route.request?.query;
    if (target === "param") return route.request?.params;
    const content = route.request?.body?.content["application/json"];
    return content && "schema" in content ? content.schema : undefined;
  }
  return undefined;
}

function child(schema: unknown, key: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return unwrapped(schema.shape[String(key)]);
  if (schema instanceof z.ZodArray) return unwrapped(schema.element);
  return schema instanceof z.ZodRecord ? unwrapped(schema.valueType) : undefined;
}

/** What is inside of the wrappers for what may be left out or null. */
function unwrapped(schema: unknown): unknown {
  const wraps =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return wraps ? unwrapped(schema.unwrap()) : schema;
}
