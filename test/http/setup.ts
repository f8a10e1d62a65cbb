import { Access } from "../../src/access/access.ts";
import { Acting } from "../../src/access/acting.ts";
import { Limits } from "../../src/access/limits.ts";
import { mountAccess } from "../../src/access/routes.ts";
import { Activities } from "../../src/activities/activities.ts";
import { mountActivities } from "../../src/activities/routes.ts";
import { type Config, loadConfig } from "../../src/config.ts";
import { type AppOptions, createApp } from "../../src/http/app.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { Models } from "../../src/models/models.ts";
import { mountModels } from "../../src/models/routes.ts";
import { FakeClock } from "../fake-clock.ts";
import type { Payload } from "../socket-client.ts";
import { tempStore } from "../temp-store.ts";

/** The HTTP side over a real store, with the routes of the rooms that need nothing else. */
export function testApp(
  environment: Record<string, string> = {},
  ready: () => boolean = () => true,
  more: AppOptions["mounts"] = [],
) {
  const temp = tempStore();
  const clock = new FakeClock();
  const config: Config = loadConfig(environment);
  /** What was reported as a failure of the server's. */
  const logged: Record<string, unknown>[] = [];
  const onError = (error: unknown) => void logged.push({ error });
  const acting = new Acting();
  const activities = new Activities({ store: temp.store, clock, actor: acting.actor });
  const access = new Access({ config, store: temp.store, activities, clock, onError });
  const models = new Models({ store: temp.store, activities, clock });
  const app = createApp({
    access,
    guard: { access, limits: new Limits(config), acting, activities },
    corsOrigins: config.corsOrigins,
    hsts: false,
    maxBodyBytes: config.httpMaxBodyBytes,
    version: "1.2.3",
    log: { error: (_message, properties) => void logged.push(properties) },
    metrics: new Metrics([{ name: "test_things", help: "Things", read: () => 7 }]),
    files: [{ path: "/page", type: "text/html", etag: '"tag"', immutable: false, brotli: "iwSAaGVsbG8gcGFnZQM=" }],
    ready,
    mounts: [
      (api) => mountAccess(api, access, { oidc: null }),
      (api) => mountModels(api, models),
      (api) =>
        mountActivities(api, activities, (c, end) =>
          access.live.add(c.get("caller"), { end: ({ message }) => end(new Error(message)) }),
        ),
      ...more,
    ],
  });
  const request = (method: string, path: string, options: { body?: BodyInit; headers?: Record<string, string> } = {}) =>
    app.request(
      path,
      {
        method,
        headers: { host: "localhost:5000", ...options.headers },
        ...(options.body !== undefined && { body: options.body }),
      },
      { address: "192.0.2.7" },
    );
  const json = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await request(method, path, {
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      headers: { "content-type": "application/json", ...headers },
    });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: (text ? JSON.parse(text) : null) as Payload,
    };
  };
  return {
    ...temp,
    clock,
    activities,
    access,
    app,
    logged,
    request,
    json,
    [Symbol.dispose]() {
      access[Symbol.dispose]();
      temp[Symbol.dispose]();
    },
  };
}
