import type { z } from "zod";
import type {
  CreatedToken,
  createSession,
  createToken,
  SessionInfo,
  SignInMethods,
  Token,
} from "../contract/access.ts";
import type { Activity, createActivity } from "../contract/activities.ts";
import type {
  Alert,
  AlertRule,
  AlertRuleName,
  alertComment,
  createSilence,
  Silence,
  UpdateAlertRule,
} from "../contract/alerts.ts";
import type { Backup } from "../contract/backups.ts";
import type { Channel, ChannelTest, createChannel, updateChannel } from "../contract/channels.ts";
import type { createDeployment, Deployment, Runtime } from "../contract/deployments.ts";
import type { DeploymentFit, fitRequest } from "../contract/fit.ts";
import type { HistoryAnswer } from "../contract/history.ts";
import type { createModel, Model, UpdateModel } from "../contract/models.ts";
import type { Notification } from "../contract/notifications.ts";
import type { Problem } from "../contract/problem.ts";
import type { listTokensRoute } from "../contract/rest/access.ts";
import type { activityPage, exportActivitiesRoute, listActivitiesRoute } from "../contract/rest/activities.ts";
import type { listAlertsRoute } from "../contract/rest/alerts.ts";
import type { listDeploymentsRoute } from "../contract/rest/deployments.ts";
import type { deploymentHistoryRoute, resourcesHistoryRoute } from "../contract/rest/history.ts";
import type { deploymentLogsRoute } from "../contract/rest/logs.ts";
import type { listModelsRoute } from "../contract/rest/models.ts";
import type { listNotificationsRoute } from "../contract/rest/notifications.ts";
import type { modelStatusNow, readyzRoute, resourcesNow } from "../contract/rest/status.ts";
import { ApiError, networkReason, UnauthorizedError, UnexpectedAnswerError, UnreachableError } from "./errors.ts";

/** What a list route takes in its query, as a caller writes it. */
type Query<Route extends { request: { query: z.ZodType } }> = z.input<Route["request"]["query"]>;
/** Metrics are one name, or several with commas between them. */
type HistoryQuery<Route extends { request: { query: z.ZodType } }> = Omit<Query<Route>, "metric"> & { metric?: string };
type Health = z.infer<(typeof readyzRoute)["responses"][200]["content"]["application/json"]["schema"]>;

/** One page of a list; `next` is what to pass as `after` (or `before`, newest first), null at the end. */
export interface Page<Item> {
  readonly items: Item[];
  readonly next: string | null;
}

export interface ApiOptions {
  /** The server's token, where it wants one. */
  readonly token?: string | undefined;
  /** Milliseconds a request may take; 30 s unless told otherwise. */
  readonly timeoutMs?: number;
  /** Ends all requests when aborted. */
  readonly signal?: AbortSignal;
}

export type Api = ReturnType<typeof createApi>;

const TIMEOUT_MS = 30_000;

/**
 * The REST API of the server at `url`. Every call may throw ApiError, UnauthorizedError, UnreachableError or
 * UnexpectedAnswerError.
 */
export function createApi(url: string, options: ApiOptions = {}) {
  const { get, post, patch, remove, download } = requests(url, options);
  const at = (collection: string, id: string, verb = "") =>
    `/api/v1/${collection}/${encodeURIComponent(id)}${verb && `/${verb}`}`;
  return {
    models: {
      list: (query: Query<typeof listModelsRoute> = {}) => get<Page<Model>>("/api/v1/models", query),
      get: (id: string) => get<Model>(at("models", id)),
      create: (model: z.input<typeof createModel>) => post<Model>("/api/v1/models", model),
      update: (id: string, changes: UpdateModel) => patch<Model>(at("models", id), changes),
      remove: (id: string) => remove(at("models", id)),
    },
    deployments: {
      list: (query: Query<typeof listDeploymentsRoute> = {}) => get<Page<Deployment>>("/api/v1/deployments", query),
      get: (id: string) => get<Deployment>(at("deployments", id)),
      create: (deployment: z.input<typeof createDeployment>) => post<Deployment>("/api/v1/deployments", deployment),
      start: (id: string) => post<Deployment>(at("deployments", id, "start")),
      stop: (id: string) => post<Deployment>(at("deployments", id, "stop")),
      restart: (id: string) => post<Deployment>(at("deployments", id, "restart")),
      remove: (id: string) => remove(at("deployments", id)),
      /** Whether a model would find room on the server's machine now. */
      fit: (request: z.input<typeof fitRequest>) => post<DeploymentFit>("/api/v1/deployments/fit", request),
      /** Its log as JSON, one LogLine on each line, as they come; `cancel` the stream to stop. */
      logs: (id: string, query: Query<typeof deploymentLogsRoute> = {}) =>
        download(at("deployments", id, "logs"), query, "application/x-ndjson"),
      /** Its health over time, ready to be drawn. */
      history: (id: string, query: HistoryQuery<typeof deploymentHistoryRoute> = {}) =>
        get<HistoryAnswer>(at("deployments", id, "history"), query),
    },
    activities: {
      list: (query: Query<typeof listActivitiesRoute> = {}) =>
        get<z.infer<typeof activityPage>>("/api/v1/activities", query),
      /** All that match, as they come; `cancel` the stream to stop. */
      export: (query: Query<typeof exportActivitiesRoute> = {}) => download("/api/v1/activities/export", query),
      create: (activity: z.input<typeof createActivity>) => post<Activity>("/api/v1/activities", activity),
    },
    alerts: {
      list: (query: Query<typeof listAlertsRoute> = {}) => get<Page<Alert>>("/api/v1/alerts", query),
      get: (id: string) => get<Alert>(at("alerts", id)),
      acknowledge: (id: string, input: z.input<typeof alertComment> = {}) =>
        post<Alert>(at("alerts", id, "acknowledge"), input),
      resolve: (id: string, input: z.input<typeof alertComment> = {}) =>
        post<Alert>(at("alerts", id, "resolve"), input),
    },
    channels: {
      list: () => get<{ items: Channel[] }>("/api/v1/channels"),
      get: (name: string) => get<Channel>(at("channels", name)),
      create: (channel: z.input<typeof createChannel>) => post<Channel>("/api/v1/channels", channel),
      update: (name: string, changes: z.input<typeof updateChannel>) => patch<Channel>(at("channels", name), changes),
      remove: (name: string) => remove(at("channels", name)),
      /** Sends a test message and tells what the receiver said. */
      test: (name: string) => post<ChannelTest>(at("channels", name, "test")),
    },
    notifications: {
      list: (query: Query<typeof listNotificationsRoute> = {}) =>
        get<Page<Notification>>("/api/v1/notifications", query),
      retry: (id: string) => post<Notification>(at("notifications", id, "retry")),
    },
    silences: {
      list: () => get<{ items: Silence[] }>("/api/v1/silences"),
      create: (silence: z.input<typeof createSilence>) => post<Silence>("/api/v1/silences", silence),
      remove: (id: string) => remove(at("silences", id)),
    },
    alertRules: {
      list: () => get<{ items: AlertRule[] }>("/api/v1/alert-rules"),
      update: (name: AlertRuleName, changes: UpdateAlertRule) => patch<AlertRule>(at("alert-rules", name), changes),
    },
    backups: {
      list: () => get<{ items: Backup[] }>("/api/v1/backups"),
      /** Answered when it is complete, which for gigabytes takes longer than the usual timeout. */
      create: () => post<Backup>("/api/v1/backups"),
      download: (name: string) => download(at("backups", name)),
      remove: (name: string) => remove(at("backups", name)),
    },
    runtimes: () => get<{ items: Runtime[] }>("/api/v1/runtimes"),
    /** The machine's resources over time, ready to be drawn. */
    resourcesHistory: (query: HistoryQuery<typeof resourcesHistoryRoute> = {}) =>
      get<HistoryAnswer>("/api/v1/resources/history", query),
    tokens: {
      list: (query: Query<typeof listTokensRoute> = {}) => get<Page<Token>>("/api/v1/tokens", query),
      /** The answer holds the secret, this once. */
      create: (token: z.input<typeof createToken>) => post<CreatedToken>("/api/v1/tokens", token),
      /** `force` also revokes the last one that can administer. */
      revoke: (id: string, { force }: { force?: boolean } = {}) => remove<Token>(at("tokens", id), { force }),
    },
    /** A browser's session: who is signed in is known by a cookie, which scripts cannot read. */
    session: {
      methods: () => get<SignInMethods>("/api/v1/sign-in-methods"),
      get: () => get<SessionInfo>("/api/v1/session"),
      signIn: (token: z.input<typeof createSession>["token"]) => post<SessionInfo>("/api/v1/session", { token }),
      signOut: () => remove("/api/v1/session"),
    },
    resources: () => get<z.infer<typeof resourcesNow>>("/api/v1/resources"),
    modelStatus: () => get<z.infer<typeof modelStatusNow>>("/api/v1/model-status"),
    /** Whether the server can do its work, and its version; "unavailable" is an answer here, not an error. */
    ready: () => get<Health>("/readyz", {}, [503]),
  };
}

function requests(url: string, options: ApiOptions) {
  const base = url.replace(/\/+$/, "");

  async function send(
    method: string,
    path: string,
    body?: unknown,
    limit?: AbortSignal,
    accept = "application/json",
  ): Promise<Response> {
    const headers: Record<string, string> = { accept };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const timeout = limit ?? AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
    try {
      return await fetch(`${base}${path}`, {
        method,
        headers,
        signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw new UnreachableError(base, timeout.aborted ? "it did not answer in time" : reasonOf(error), {
        cause: error,
      });
    }
  }

  async function call<Answer>(method: string, path: string, body?: unknown, expected: number[] = []): Promise<Answer> {
    const response = await send(method, path, body);
    const kind = response.headers.get("content-type");
    const json = kind?.includes("json") ? await response.json().catch(() => undefined) : undefined;
    const good = (response.ok || expected.includes(response.status)) && kind?.startsWith("application/json");
    // The server checked its answer's shape against the contract; checking again would need the schemas here.
    if (good && json !== undefined) return json as Answer;
    if (response.status === 204) return undefined as Answer;
    throw failure(response.status, kind, json);
  }

  function failure(status: number, kind: string | null, json: unknown): Error {
    if (!isProblem(json)) return new UnexpectedAnswerError(base, status, kind);
    return json.status === 401 ? new UnauthorizedError(json.detail) : new ApiError(json);
  }

  /** The timeout is for the answer's beginning; how long all of it takes depends on how much there is. */
  async function download(path: string, query: Readonly<Record<string, unknown>> = {}, accept?: string) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), options.timeoutMs ?? TIMEOUT_MS);
    const response = await send("GET", `${path}${queryString(query)}`, undefined, late.signal, accept).finally(() =>
      clearTimeout(timer),
    );
    if (response.ok && response.body) return response.body;
    const json: unknown = await response.json().catch(() => undefined);
    throw failure(response.status, response.headers.get("content-type"), json);
  }

  return {
    get: <Answer>(path: string, query: Readonly<Record<string, unknown>> = {}, expected?: number[]) =>
      call<Answer>("GET", `${path}${queryString(query)}`, undefined, expected),
    post: <Answer>(path: string, body?: unknown) => call<Answer>("POST", path, body),
    patch: <Answer>(path: string, body: unknown) => call<Answer>("PATCH", path, body),
    remove: <Answer = void>(path: string, query: Readonly<Record<string, unknown>> = {}) =>
      call<Answer>("DELETE", `${path}${queryString(query)}`),
    download,
  };
}

function queryString(query: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return "";
  return `?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}`;
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  return "detail" in value && typeof value.detail === "string" && "status" in value && "code" in value;
}

/** Node says "fetch failed" and keeps the reason one level down; Bun begins the message with it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return networkReason(error.message);
  return networkReason("code" in cause ? `${cause.code} ${cause.message}` : cause.message);
}
