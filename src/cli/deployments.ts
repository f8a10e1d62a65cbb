import { type Command, Option } from "@commander-js/extra-typings";
import type { Deployment } from "../contract/deployments.ts";
import { type Context, clientCommand, groupCommand, openSession, type Session } from "./context.ts";
import { addFit } from "./deployment-fit.ts";
import { endpoint, healthFormat, statusFormat, uptime } from "./format.ts";
import { assignment, given, number, several, severalNumbers } from "./options.ts";
import { notePage, show } from "./show.ts";
import { type Column, details, table } from "./table.ts";
import { NOTHING } from "./text.ts";
import { deploymentStatuses, restartPolicies } from "./words.ts";

/** `deployments list|get|create|fit|start|stop|restart|remove`. */
export function addDeploymentsCommands(program: Command, context: Context): void {
  const deployments = groupCommand(program, "deployments", "models that run, or should");

  clientCommand(deployments, "list", "list deployments")
    .option("--model <model-id>", "only of this model")
    .addOption(new Option("--status <status>", "only in this status").choices(deploymentStatuses))
    .option("--limit <count>", "at most this many (50)", number)
    .option("--after <deployment-id>", "only those after this one")
    .action(async ({ model, status, limit, after, ...options }) => {
      const session = openSession(options, context);
      const page = await session.api.deployments.list({ ...given({ model_id: model, after }), status, limit });
      show(session, page, () => list(page.items, session));
      notePage(session, page, "after");
    });

  clientCommand(deployments, "get", "show a deployment")
    .argument("<deployment-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      const deployment = await session.api.deployments.get(id);
      show(session, deployment, () => one(deployment, session));
    });

  addCreate(deployments, context);
  addFit(deployments, context);

  for (const verb of ["start", "stop", "restart"] as const) {
    clientCommand(deployments, verb, `${verb} a deployment`)
      .argument("<deployment-id>")
      .action(async (id, options) => {
        const session = openSession(options, context);
        const deployment = await session.api.deployments[verb](id);
        // Accepted and still under way, it is what it was.
        const stopping = verb === "stop" && deployment.status !== "stopped";
        const state = stopping ? "being stopped" : deployment.status;
        show(session, deployment, () => [`${deployment.deployment_id} is ${state}.`]);
      });
  }

  clientCommand(deployments, "remove", "stop a deployment if it runs, and remove it")
    .argument("<deployment-id>")
    .action(async (id, options) => {
      const session = openSession(options, context);
      await session.api.deployments.remove(id);
      show(session, { deployment_id: id, removed: true }, () => [`Removed ${id}; its history stays.`]);
    });
}

function addCreate(deployments: Command, context: Context): void {
  clientCommand(deployments, "create", "deploy a model and start it")
    .argument("<model-id>")
    .requiredOption("--runtime <name>", "one of: llm-manager runtimes")
    .option("--name <name>", "what people call it (the model's name)")
    .option("--host <host>", "where it answers (localhost)")
    .option("--port <port>", "the port it answers on (a free one is chosen)", number)
    .option("--cpu-cores <count>", "cores it may use", number)
    .option("--memory-limit <size>", "memory it may use, such as 8GB")
    .option("--gpu <index>", "a GPU it may use; may be given several times", severalNumbers)
    .option("--no-gpu", "no GPU at all")
    .option("--context-length <tokens>", "tokens to make room for", number)
    .option("--arg <argument>", "an argument for the engine; may be given several times", several)
    .option("--env <NAME=value>", "a variable for the engine; may be given several times", assignment)
    .addOption(
      new Option("--restart <policy>", "whether it is started again when it ends by itself (the runtime's)").choices(
        restartPolicies,
      ),
    )
    .addOption(
      new Option("--health-scheme <scheme>", "how it is asked whether it is alive (http)").choices(["http", "https"]),
    )
    .option("--health-path <path>", "the path to ask (found by trying the usual ones)")
    .option("--health-interval <seconds>", "time between two checks (5)", number)
    .option("--health-timeout <seconds>", "time to answer one (5)", number)
    .option("--healthy-threshold <count>", "successes until it counts as healthy again (1)", number)
    .option("--unhealthy-threshold <count>", "failures until it counts as unhealthy (3)", number)
    .option("--start-timeout <seconds>", "time without progress after which a start has failed (120)", number)
    .option("--restart-on-unhealthy", "restart it when it is unhealthy")
    .option("--force", "start it even if its model is bigger than the machine's memory")
    .action(async (modelId, options) => {
      const { runtime, name, host, port, cpuCores, memoryLimit, gpu, contextLength, arg, env } = options;
      const gpus = gpu === false ? [] : gpu;
      const health = given({
        scheme: options.healthScheme,
        path: options.healthPath,
        interval_seconds: options.healthInterval,
        timeout_seconds: options.healthTimeout,
        healthy_threshold: options.healthyThreshold,
        unhealthy_threshold: options.unhealthyThreshold,
        start_timeout_seconds: options.startTimeout,
        restart_on_unhealthy: options.restartOnUnhealthy,
      });
      const session = openSession(options, context);
      const deployment = await session.api.deployments.create({
        model_id: modelId,
        runtime,
        ...given({ name, host, port, cpu_cores: cpuCores, memory_limit: memoryLimit, args: arg, env }),
        ...given({ restart_policy: options.restart, force: options.force }),
        ...given({ gpus, context_length: contextLength }),
        health,
      });
      const id = deployment.deployment_id;
      show(session, deployment, () => [
        `${id} is ${deployment.status}. See how it goes with: llm-manager deployments get ${id}`,
        ...deployment.warnings.map((warning) => `warning: ${warning}`),
      ]);
    });
}

const columns: readonly Column<Deployment>[] = [
  { title: "ID", value: ({ deployment_id }) => deployment_id },
  { title: "NAME", value: ({ name }) => name, shrinks: true },
  { title: "MODEL", value: ({ model_id }) => model_id, shrinks: true },
  {
    title: "STATUS",
    value: ({ status, crash_loop }) => (crash_loop ? `${status}, crash loop` : status),
    paint: ({ status }) => statusFormat[status],
  },
  { title: "HEALTH", value: ({ health_status }) => health_status, paint: (row) => healthFormat[row.health_status] },
  { title: "UPTIME", value: uptime },
  { title: "ENDPOINT", value: endpoint, shrinks: true },
  { title: "RUNTIME", value: ({ runtime }) => runtime, shrinks: true },
];

function list(deployments: readonly Deployment[], { output }: Session): string[] {
  if (deployments.length === 0) {
    return ["No deployments. Start one with: llm-manager deployments create <model-id> --runtime <name>"];
  }
  return table(deployments, columns, output.columns(), output.paint);
}

function one(deployment: Deployment, { output }: Session): string[] {
  const { health } = deployment;
  const { paint } = output;
  return details(
    [
      ["deployment", deployment.deployment_id],
      ["name", deployment.name],
      ["model", `${deployment.model_id} (${deployment.model_source})`],
      ["runtime", deployment.runtime],
      ["status", deployment.status],
      ["health", deployment.health_status],
      ["reason", deployment.reason ?? NOTHING],
      ...failure(deployment),
      ["restarts", restarts(deployment)],
      ["process", String(deployment.pid ?? deployment.container_id?.slice(0, 12) ?? NOTHING)],
      ...progress(deployment),
      ...deployment.warnings.map((warning) => ["warning", warning] as const),
      ...load(deployment),
      ["uptime", uptime(deployment)],
      ["endpoint", endpoint(deployment)],
      ["cores", String(deployment.cpu_cores ?? NOTHING)],
      ["memory", deployment.memory_limit ?? NOTHING],
      ["gpus", deployment.gpus === null ? NOTHING : deployment.gpus.join(", ") || "none"],
      ["context", String(deployment.context_length ?? NOTHING)],
      ["arguments", deployment.args.join(" ") || NOTHING],
      // Values may be secrets; `--json` shows what the server shows.
      ["variables", Object.keys(deployment.env).join(", ") || NOTHING],
      ["check", `${health.scheme} ${health.path ?? "(usual paths)"} every ${health.interval_seconds}s`],
      ["created", deployment.created_at],
      ["deployed", deployment.deployed_at ?? NOTHING],
    ],
    paint,
  );
}

/** How it failed last: when, what to do about it, and what it wrote at the end. */
function failure({ failure: last }: Deployment): readonly (readonly [string, string])[] {
  if (!last) return [];
  return [
    ["failed", `${last.failed_at} (${last.class})`],
    ...(last.hint === null ? [] : [["hint", last.hint] as const]),
    ...last.last_lines.map((line) => ["log", line] as const),
  ];
}

function progress({ progress: now, estimated_completion: at }: Deployment): readonly (readonly [string, string])[] {
  return [
    ...(now ? [["progress", now.percent === null ? now.step : `${now.step}, ${now.percent} %`] as const] : []),
    ...(at === null ? [] : [["ready at", `about ${at}`] as const]),
  ];
}

/** `2 running, 1 waiting, 48.3 tokens/s, cache 12.5 %`. */
function load({ metrics }: Deployment): readonly (readonly [string, string])[] {
  if (!metrics) return [];
  const { requests_running, requests_waiting, generation_tokens_per_second, cache_usage_percent } = metrics;
  const parts = [
    requests_running !== null && `${requests_running} running`,
    requests_waiting !== null && `${requests_waiting} waiting`,
    generation_tokens_per_second !== null && `${generation_tokens_per_second} tokens/s`,
    cache_usage_percent !== null && `cache ${cache_usage_percent} %`,
  ];
  return [["load", parts.filter((part) => part !== false).join(", ") || NOTHING]];
}

/** `on-failure, 3 so far, crash loop, next at 2026-11-25T12:00:00.000Z`. */
function restarts(deployment: Deployment): string {
  const { restart_policy, restart_count, crash_loop, next_restart_at } = deployment;
  return [
    restart_policy,
    restart_count > 0 && `${restart_count} so far`,
    crash_loop && "crash loop",
    next_restart_at !== null && `next at ${next_restart_at}`,
  ]
    .filter((part) => part !== false)
    .join(", ");
}
