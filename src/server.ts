import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import manifest from "../package.json" with { type: "json" };
import { Access } from "./access/access.ts";
import { Acting } from "./access/acting.ts";
import { CertificateWatch } from "./access/certificate.ts";
import { ConsoleTokens } from "./access/console.ts";
import { Limits } from "./access/limits.ts";
import { OidcSignIn, oidcSettings } from "./access/oidc.ts";
import { mountOidc, OIDC_BEGIN } from "./access/oidc-routes.ts";
import { mountAccess } from "./access/routes.ts";
import { socketAccess } from "./access/socket.ts";
import { Activities } from "./activities/activities.ts";
import { keepWithin } from "./activities/retention.ts";
import { mountActivities } from "./activities/routes.ts";
import { Alerts } from "./alerts/alerts.ts";
import { Addresses, systemResolve } from "./alerts/notifiers/addresses.ts";
import { createNotifiers } from "./alerts/notifiers/notifiers.ts";
import { mountAlerts } from "./alerts/routes.ts";
import { Backups } from "./backups/backups.ts";
import { mountBackups } from "./backups/routes.ts";
import { systemClock as clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { builtFiles } from "./dashboard/assets.generated.ts";
import { Deployments } from "./deployments/deployments.ts";
import { createDrivers } from "./deployments/drivers/drivers.ts";
import { createFitCheck } from "./deployments/fit/fit-check.ts";
import { mountFit } from "./deployments/fit/routes.ts";
import { DeploymentLogs } from "./deployments/logs/logs.ts";
import { mountDeploymentLogs } from "./deployments/logs/routes.ts";
import { httpProbe } from "./deployments/probe.ts";
import { Executables } from "./deployments/recipes/executables.ts";
import { mountDeployments } from "./deployments/routes.ts";
import { Runtimes } from "./deployments/runtimes.ts";
import { History } from "./history/history.ts";
import { ProbeTimes } from "./history/probe-times.ts";
import { record } from "./history/recorder.ts";
import { mountHistory } from "./history/routes.ts";
import { chooseHost } from "./host/choose.ts";
import { post } from "./host/outgoing.ts";
import { portListener } from "./host/port-listener.ts";
import { listenRedirect } from "./host/redirect.ts";
import { createApp } from "./http/app.ts";
import { Metrics } from "./http/metrics.ts";
import { problemResponse } from "./http/problems.ts";
import { serverMetrics } from "./http/server-metrics.ts";
import { Models } from "./models/models.ts";
import { mountModels } from "./models/routes.ts";
import { notificationMetrics } from "./notifications/metrics.ts";
import { Notifications } from "./notifications/notifications.ts";
import { mountNotifications } from "./notifications/routes.ts";
import { Realtime, SOCKET_PATH } from "./realtime/realtime.ts";
import { nvidiaProcesses } from "./resources/collectors/nvidia-processes.ts";
import { mountResources } from "./resources/routes.ts";
import { createSampler } from "./resources/sampler.ts";
import { hasDatabase, Store } from "./store/store.ts";

/** A server that is up. */
export interface RunningServer {
  /** Where a browser on this machine finds it, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Where plain HTTP is sent on to `url`; undefined when it is not. */
  readonly redirectPort: number | undefined;
  /** The admin token made at this start, to be shown once; undefined when there was no need for one. */
  readonly generatedToken: string | undefined;
  /** Tells clients, lets open work end within the configured deadline, and gives everything up. */
  stop(): Promise<void>;
}

/**
 * Makes each part once, wires it, and starts it; `stop` is the reverse.
 *
 * @throws DataDirectoryError, ListenError, CertificateError
 */
export async function startServer({
  config,
  log,
  program,
}: {
  config: Config;
  log: Logger;
  /** The command line of this program, without its arguments. */
  program: readonly string[];
}): Promise<RunningServer> {
  await using starting = new AsyncDisposableStack();
  const onError = (error: unknown) => log.error("A background task failed: {error}", { error });

  const store = starting.use(
    new Store({ dataDir: config.dataDir, synchronous: config.sqliteSynchronous, onListenerError: onError }),
  );
  if (store.backup) log.info("Upgraded the database; the one before is kept as {file}", { file: store.backup });

  const acting = new Acting();
  const activities = new Activities({ store, clock, actor: acting.actor });
  const access = starting.use(new Access({ config, store, activities, clock, onError }));
  starting.use(activities.index.follow(onError));
  starting.use(
    keepWithin({
      store,
      index: activities.index,
      clock,
      maxDays: config.activityMaxDays,
      maxCount: config.activityMaxCount,
      onError,
    }),
  );
  const backups = starting.use(
    new Backups({ store, directory: join(config.dataDir, "backups"), keep: config.backupKeep, clock }),
  );
  const models = new Models({ store, activities, clock });
  const resources = starting.use(
    createSampler({
      clock,
      diskPath: config.diskPath ?? config.dataDir,
      gpu: config.gpu,
      log: log.getChild("resources"),
    }),
  );
  const history = starting.use(
    new History({
      store,
      clock,
      log: log.getChild("history"),
      record: config.history,
      maxBytes: config.historyMaxMb * 2 ** 20,
    }),
  );
  const probeTimes = new ProbeTimes();
  const shutdown = new AbortController();
  starting.defer(() => shutdown.abort());
  const logDirectory = join(config.dataDir, "logs");
  const logs = starting.use(new DeploymentLogs({ directory: logDirectory, clock }));
  const executables = new Executables(clock, config.engineEnvironment);
  const runtimes = new Runtimes({
    recipes: config.recipes,
    drivers: createDrivers({
      runDirectory: join(config.dataDir, "run"),
      logDirectory,
      program,
      environment: config.engineEnvironment,
      executables,
      clock,
      dockerSocket: config.dockerHost,
      dataDir: config.dataDir,
      signal: shutdown.signal,
    }),
    executables,
    environment: config.engineEnvironment,
  });
  const deployments = starting.use(
    new Deployments({
      store,
      models,
      activities,
      clock,
      log: log.getChild("deployments"),
      runtimes,
      portRange: config.portRange,
      portListener,
      gpuMemory: config.gpu === "off" ? async () => new Map() : () => nvidiaProcesses(),
      logs,
      fit: createFitCheck({ resources, clock }),
      probes: probeTimes.timing(httpProbe),
    }),
  );
  const notifications = starting.use(
    new Notifications({
      store,
      activities,
      clock,
      log: log.getChild("notifications"),
      notifiers: createNotifiers(
        { addresses: new Addresses(config.notifyAllowPrivate, systemResolve), post },
        { hostName: hostname(), version: manifest.version, publicUrl: config.publicUrl },
      ),
      fromFile: config.channels,
      random: Math.random,
    }),
  );
  const alerts = starting.use(
    new Alerts({
      store,
      activities,
      resources,
      clock,
      log: log.getChild("alerts"),
      watch: config.alerts,
      onIncident: notifications.onIncident,
      rules: config.alertRules,
    }),
  );
  starting.use(record({ history, resources, modelStatus: () => deployments.status(), probeTimes, clock, onError }));
  const { tlsCert: certFile, tlsKey: keyFile } = config;
  const certificate =
    certFile !== undefined && keyFile !== undefined
      ? starting.use(new CertificateWatch({ files: { certFile, keyFile }, clock, log: log.getChild("tls") }))
      : undefined;
  const limits = new Limits(config);
  const host = await chooseHost();
  const realtime = starting.use(
    new Realtime({
      config,
      bus: store.bus,
      logs: { activity_stream: activities.log, deployment_events: deployments.log, system_alerts: alerts.log },
      deploymentLogs: { logs, require: (id) => deployments.get(id) },
      resources,
      modelStatus: () => deployments.status(),
      topics: host.topics,
      clock,
      log: log.getChild("realtime"),
      authorize: socketAccess(access, { secure: certificate !== undefined, onError }),
      live: access.live,
      limits,
    }),
  );

  let stopping = false;
  const metrics = new Metrics([
    ...serverMetrics({
      version: manifest.version,
      store,
      activities,
      alerts,
      backups,
      deployments,
      history,
      realtime,
      resources,
      clock,
    }),
    ...notificationMetrics(notifications),
    ...(certificate
      ? [
          {
            name: "llm_manager_tls_certificate_expiry_timestamp_seconds",
            help: "When the certificate in use runs out, seconds since the epoch",
            read: () => certificate.current.expiresAt / 1000,
          },
        ]
      : []),
  ]);
  const oidc = oidcSettings(config);
  const signIn = oidc && new OidcSignIn(oidc, clock);
  const app = createApp({
    access,
    guard: { access, limits, acting, activities },
    corsOrigins: config.corsOrigins,
    hsts: certificate !== undefined && config.tlsHsts,
    maxBodyBytes: config.httpMaxBodyBytes,
    version: manifest.version,
    log: log.getChild("http"),
    metrics,
    files: builtFiles,
    ready: () => {
      store.check();
      return !stopping;
    },
    mounts: [
      (api) => mountAccess(api, access, { oidc: signIn ? { name: config.oidcName, url: OIDC_BEGIN } : null }),
      (api) => signIn && mountOidc(api, { signIn, access, log: log.getChild("access") }),
      (api) => mountModels(api, models),
      (api) => mountDeployments(api, deployments),
      (api) => mountFit(api, { models, resources }),
      (api) => mountDeploymentLogs(api, { deployments, logs }),
      (api) =>
        mountActivities(api, activities, (c, end) =>
          access.live.add(c.get("caller"), { end: ({ message }) => end(new Error(message)) }),
        ),
      // Who comes without a token, where none is needed, has no name.
      (api) =>
        mountAlerts(api, alerts, (c) => {
          const { kind, name } = c.get("caller");
          return kind === "open" ? null : name;
        }),
      (api) => mountNotifications(api, notifications),
      (api) => mountResources(api, resources),
      (api) => mountBackups(api, backups),
      (api) => mountHistory(api, history, clock),
    ],
  });
  const listening = await host.listen({
    hostname: config.host,
    port: config.port,
    fetch: (request, { address }) => app.fetch(request, { address, secure: certificate !== undefined }),
    admit(headers, { address, handshake }) {
      const refusal =
        access.refusal(headers) ??
        (handshake ? limits.handshake(access.peer({ address }, headers).address) : undefined);
      return refusal && problemResponse(refusal, SOCKET_PATH);
    },
    io: realtime.io,
    tls: certificate?.current,
    socket: {
      path: SOCKET_PATH,
      pingIntervalMs: config.socketPingIntervalMs,
      pingTimeoutMs: config.socketPingTimeoutMs,
      maxPayloadBytes: config.socketMaxPayloadBytes,
      compression: config.socketCompression,
      backlogBytes: config.socketBacklogBytes,
      corsOrigins: config.corsOrigins,
    },
    onError,
  });
  starting.defer(async () => {
    // Nobody new gets in from here on. Clients are told and let go meanwhile: their connections count as open.
    const closed = listening.close(config.shutdownDeadlineMs);
    logs[Symbol.dispose]();
    await realtime[Symbol.asyncDispose]();
    await closed;
  });
  certificate?.onChange((next) => listening.renew(next));
  const redirect =
    config.tlsRedirectPort === undefined
      ? undefined
      : starting.use(
          await listenRedirect({
            hostname: config.host,
            port: config.tlsRedirectPort,
            securePort: listening.port,
            refuses: (host) => access.refusal(new Headers({ host })) !== undefined,
          }),
        );
  deployments.resume();
  notifications.start();

  const running = starting.move();
  return {
    url: urlOf(certificate ? "https" : "http", config.host, listening.port),
    port: listening.port,
    redirectPort: redirect?.port,
    generatedToken: access.generatedToken,
    async stop() {
      stopping = true;
      await running.disposeAsync();
    },
  };
}

/**
 * The tokens of a data directory that no server uses now, until disposed.
 *
 * @param options.make also where there is no database yet. @returns undefined where there is none.
 * @throws DataDirectoryError, also when a server uses it.
 */
export function openTokens(config: Config, options: { make: boolean }): ConsoleTokens | undefined {
  if (!options.make && !hasDatabase(config.dataDir)) return undefined;
  const onListenerError = (error: unknown) => {
    throw error;
  };
  const store = new Store({ dataDir: config.dataDir, synchronous: config.sqliteSynchronous, onListenerError });
  return new ConsoleTokens({ config, store, activities: new Activities({ store, clock }), clock });
}

/** An address that listens everywhere is reached on this machine as localhost; IPv6 stands in brackets. */
function urlOf(scheme: "http" | "https", host: string, port: number): string {
  const everywhere = host === "0.0.0.0" || host === "::";
  const name = everywhere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${scheme}://${name}:${port}`;
}
