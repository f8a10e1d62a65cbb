import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { MetricSource, Reading } from "./metric-source.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

/** What a label may name; anybody can make up methods. */
const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"]);

/** The server's own figures in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"method" | "route" | "status">;
  readonly #seconds: Histogram<"method" | "route">;

  constructor(sources: readonly MetricSource[]) {
    const registers = [this.#registry];
    registerProcessMetrics(this.#registry);
    this.#requests = new Counter({
      name: "llm_manager_http_requests_total",
      help: "HTTP requests answered",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "llm_manager_http_request_duration_seconds",
      help: "Time from a request to its answer",
      labelNames: ["method", "route"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    });
    for (const source of sources) register(source, this.#registry);
  }

  /** Counts every request by its route's pattern, never by its path, which anybody can vary without end. */
  readonly middleware: MiddlewareHandler = async (c, next) => {
    const start = performance.now();
    await next();
    const route = routePath(c, -1);
    const method = METHODS.has(c.req.method) ? c.req.method : "other";
    this.#requests.inc({ method, route, status: c.res.status });
    this.#seconds.observe({ method, route }, (performance.now() - start) / 1000);
  };

  async response(): Promise<Response> {
    return new Response(await this.#registry.metrics(), { headers: { "content-type": this.#registry.contentType } });
  }
}

function register({ name, help, type = "gauge", labels = [], read }: MetricSource, registry: Registry): void {
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  const readings = async (): Promise<readonly Reading[]> => {
    const now = await read();
    return Array.isArray(now) ? now : [{ value: now as number | null | undefined }];
  };
  // What is not there at one scrape must not be shown with its last value.
  if (type === "counter") {
    new Counter({
      ...common,
      async collect() {
        const now = await readings();
        this.reset();
        if (labels.length === 0) this.remove();
        for (const { labels: of = {}, value } of now) if (value != null) this.inc(of, value);
      },
    });
  } else {
    new Gauge({
      ...common,
      async collect() {
        const now = await readings();
        this.reset();
        if (labels.length === 0) this.remove();
        for (const { labels: of = {}, value } of now) if (value != null) this.set(of, value);
      },
    });
  }
}
