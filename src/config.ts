import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { type AlertRules, alertRulesOf } from "./config/alert-rules.ts";
import { channelsOf } from "./config/channels.ts";
import { inheritedEnvironment } from "./config/inherited-environment.ts";
import { privateTargets } from "./config/private-targets.ts";
import type { Recipe } from "./config/recipe.ts";
import { recipesOf } from "./config/recipes.ts";
import type { CreateChannel } from "./contract/channels.ts";

/** The configuration is wrong; the message is one line that names the setting, its value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const list = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(","))])
  .transform((items) => items.map((item) => item.trim()).filter((item) => item !== ""));
const flag = z.union(
  [z.boolean(), z.stringbool({ truthy: ["true", "on", "1", "yes"], falsy: ["false", "off", "0", "no"] })],
  {
    error: "must be on or off",
  },
);
function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  const digits = z
    .string()
    .regex(/^-?[0-9]+$/, error)
    .transform(Number);
  return z.union([z.number(), digits], { error }).pipe(z.number().int(error).min(min, error).max(max, error));
}
function choice<const Options extends readonly [string, ...string[]]>(...options: Options) {
  return z.enum(options, { error: `must be ${options.join(", ")}` });
}
const filePath = z
  .string()
  .min(1, "must be a file")
  .transform((path) => resolve(path));
const issuer = z.string().refine((text) => isSecureOrLocal(URL.parse(text)), {
  error: "must be an https:// address (http:// only on this machine)",
});
const portRange = z
  .string()
  .regex(/^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$/, "must be two ports such as 20000-20999")
  .transform((text) => {
    const [first = 0, last = 0] = text.split("-").map(Number);
    return { first, last };
  })
  .refine(({ first, last }) => first <= last && last <= 65_535, "must be two ports of 1 to 65535, the lower one first");
const origin = z.string().refine((text) => text === "*" || URL.parse(text)?.origin === text, {
  error: "must be origins such as https://example.org, separated by commas",
});
const publicUrl = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be a URL such as https://llm.example.org")
  .transform((text) => text.replace(/\/+$/, ""));

const addressOrRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "must be addresses or ranges such as 10.0.0.0/8, separated by commas",
});

/**
 * Every setting: how it is checked, its default, and the line `--help` shows. The name is the environment variable; in
 * the config file it is written in lower case (`PORT` → `port`).
 */
const settings = {
  PORT: [whole(0, 65_535), 5000, "Port to listen on; 0 picks a free one"],
  HOST: [
    z.string().min(1, "must be an address to bind to"),
    "127.0.0.1",
    "Address to listen on; any but a loopback one needs a token",
  ],
  DATA_DIR: [
    z
      .string()
      .min(1, "must be a directory")
      .transform((dir) => resolve(dir)),
    "./data",
    "Directory of the database, its backups and logs",
  ],
  AUTH_TOKEN: [
    z.string().min(16, "must have at least 16 characters").optional(),
    undefined,
    "Token that API callers must send; generated and printed once where one is needed",
  ],
  ALLOWED_HOSTS: [list, "", "Host names, besides this machine's own, under which the server may be called"],
  TLS_CERT: [
    filePath.optional(),
    undefined,
    "PEM file of the certificate and those that lead to its authority; with TLS_KEY the server speaks HTTPS and WSS",
  ],
  TLS_KEY: [
    filePath.optional(),
    undefined,
    "PEM file of the certificate's private key; both are read again when they change",
  ],
  TLS_REDIRECT_PORT: [
    whole(0, 65_535).optional(),
    undefined,
    "Port on which plain HTTP is sent on to HTTPS (80, say); off unless set",
  ],
  TLS_HSTS: [flag, "off", "Tell browsers never to use plain HTTP with this name again, on any port, for a year"],
  TRUSTED_PROXIES: [
    list.pipe(z.array(addressOrRange)),
    "",
    "Addresses or ranges of proxies whose X-Forwarded-For and -Proto are believed; then callers need a token",
  ],
  OIDC_ISSUER: [
    issuer.optional(),
    undefined,
    "Address of an OpenID Connect provider at which people sign in; then callers need a token or a session",
  ],
  OIDC_CLIENT_ID: [z.string().min(1).optional(), undefined, "What the provider calls this server"],
  OIDC_CLIENT_SECRET: [z.string().min(1).optional(), undefined, "What the server proves itself with there, if it must"],
  OIDC_SCOPES: [
    z.string().min(1),
    "openid email profile",
    "What the provider is asked for; add what it wants for groups",
  ],
  OIDC_GROUPS_CLAIM: [z.string().min(1), "groups", "Claim in which the provider lists a person's groups"],
  OIDC_ADMINS: [list, "", "Who may do everything: verified e-mail addresses, groups, subjects, or * for everybody"],
  OIDC_OPERATORS: [list, "", "Who may deploy, stop and acknowledge, written likewise"],
  OIDC_VIEWERS: [list, "", "Who may look, written likewise"],
  OIDC_NAME: [z.string().min(1).max(40), "single sign-on", "What the sign-in form calls the provider"],
  SESSION_IDLE_MINUTES: [whole(1, 10_080), 480, "Minutes after which a browser that is not used is signed out"],
  CORS_ORIGINS: [list.pipe(z.array(origin)), "", "Origins of web pages that may call the server, besides its own page"],
  LOG_LEVEL: [
    choice("debug", "info", "warning", "error"),
    "info",
    "Least important message to log: debug, info, warning or error",
  ],
  LOG_FORMAT: [
    choice("auto", "pretty", "json"),
    "auto",
    "pretty for people, json for programs, auto chooses by whether a terminal looks",
  ],
  SQLITE_SYNCHRONOUS: [
    choice("full", "normal"),
    "full",
    "full keeps acknowledged writes over a power loss, normal only over a crash",
  ],
  DISK_PATH: [
    z
      .string()
      .min(1)
      .transform((dir) => resolve(dir))
      .optional(),
    undefined,
    "Directory whose file system is watched (default: DATA_DIR)",
  ],
  GPU: [choice("auto", "off"), "auto", "auto reads NVIDIA and AMD devices, off none"],
  HISTORY: [flag, "on", "Record resources and health over time even when nobody is connected"],
  HISTORY_MAX_MB: [whole(1, 1_048_576), 512, "Most room in the database that recorded figures may take"],
  PORT_RANGE: [portRange, "20000-20999", "Ports that deployments get which ask for none"],
  DOCKER_HOST: [
    z
      .string()
      .regex(/^(?:unix:\/\/\/.|npipe:\/\/\/\/.)/, "must be unix:// and the path of the Docker Engine's socket")
      .transform((url) => url.replace(/^(?:unix|npipe):\/\//, "")),
    process.platform === "win32" ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock",
    "This machine's Docker Engine, for runtimes of driver docker",
  ],
  BACKUP_KEEP: [whole(1, 10_000), 10, "Backups made on request that are kept; beyond it the oldest are deleted"],
  ACTIVITY_MAX_DAYS: [whole(1, 36_500), 365, "Days after which an activity is deleted"],
  ACTIVITY_MAX_COUNT: [whole(1_000, 1_000_000_000), 1_000_000, "Activities kept; beyond it the oldest are deleted"],
  ALERTS: [flag, "on", "Watch thresholds and health even when nobody is connected"],
  PUBLIC_URL: [
    publicUrl.optional(),
    undefined,
    "Address under which people reach the server's page, for links in notifications",
  ],
  NOTIFY_ALLOW_PRIVATE: [
    privateTargets,
    "off",
    "Channels on private and loopback addresses: off, on, or names, addresses and ranges such as 10.0.0.0/8",
  ],
  SOCKET_PING_INTERVAL_MS: [whole(100, 600_000), 25_000, "Milliseconds between two heartbeats of a connection"],
  SOCKET_PING_TIMEOUT_MS: [whole(100, 600_000), 20_000, "Milliseconds a heartbeat may go unanswered"],
  SOCKET_RECOVERY_MS: [
    whole(0, 3_600_000),
    120_000,
    "Milliseconds a lost connection can be taken up again; 0 turns that off",
  ],
  SOCKET_MAX_PAYLOAD_BYTES: [whole(1_024, 16_777_216), 65_536, "Largest message a client may send"],
  SOCKET_COMPRESSION: [flag, "off", "permessage-deflate on WebSocket connections: less traffic, more CPU and memory"],
  SOCKET_LAG_BYTES: [
    whole(4_096, 67_108_864),
    262_144,
    "Unsent bytes from which a slow client is left out of state updates",
  ],
  SOCKET_BACKLOG_BYTES: [whole(8_192, 134_217_728), 1_048_576, "Unsent bytes from which a slow client is disconnected"],
  SOCKET_CONNECTIONS: [whole(1, 1_000_000), 20_000, "Most Socket.IO connections at a time"],
  SOCKET_CONNECTIONS_PER_ADDRESS: [whole(1, 1_000_000), 1_000, "Most of them from one address"],
  SOCKET_HANDSHAKES_PER_SECOND: [
    whole(1, 100_000),
    50,
    "New connections a second from one address, ten times as many at once after a quiet time",
  ],
  SOCKET_BYTES_PER_SECOND: [
    whole(1_024, 134_217_728),
    262_144,
    "Bytes a client may send in a second, ten times in a burst",
  ],
  HTTP_REQUESTS_PER_SECOND: [
    whole(1, 1_000_000),
    500,
    "Requests a second from one address, and with one token, ten times as many at once after a quiet time",
  ],
  SOCKET_EVENTS_PER_SECOND: [whole(1, 100_000), 50, "Events a client may send in a second"],
  HTTP_MAX_BODY_BYTES: [whole(1_024, 104_857_600), 262_144, "Largest request body"],
  SHUTDOWN_DEADLINE_MS: [whole(100, 600_000), 10_000, "Milliseconds to finish open work when told to stop"],
} as const satisfies Record<string, readonly [z.ZodType, string | number | undefined, string]>;

type Settings = typeof settings;
type SettingName = keyof Settings;
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

/** All settings, checked, under their names in camelCase (`DATA_DIR` → `dataDir`), and what only the file can say. */
export type Config = { readonly [Name in SettingName as CamelCase<Name>]: z.infer<Settings[Name][0]> } & {
  /** The runtimes that deployments can name: those that are shipped, and the file's `[runtimes.NAME]` tables. */
  readonly recipes: readonly Recipe[];
  /** What each alert rule says: what is shipped, changed by the file's `[alerts.rules.NAME]` tables. */
  readonly alertRules: AlertRules;
  /** The file's `[channels.NAME]` tables: whom alerts are told to, besides the channels added over REST. */
  readonly channels: readonly CreateChannel[];
  /** What an engine inherits of this server's environment: where things are on this machine, and none of its settings. */
  readonly engineEnvironment: Readonly<Record<string, string>>;
};

const names = Object.keys(settings) as SettingName[];

/** Every setting with its default and its explanation, for `--help` and the documentation. */
export const settingsHelp: readonly { readonly name: string; readonly fallback: string; readonly text: string }[] = [
  {
    name: "CONFIG_FILE",
    fallback: "",
    text: "A TOML file with any of these settings, in lower case, and [runtimes.NAME], [alerts.rules.NAME] and [channels.NAME] tables",
  },
  ...names.map((name) => ({ name, fallback: String(settings[name][1] ?? ""), text: settings[name][2] })),
];

/**
 * Reads the settings: the environment first, then the file that `CONFIG_FILE` names, then the defaults. An empty
 * variable counts as not set.
 *
 * @throws ConfigError naming the first setting that is unknown or has a value that is not allowed.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const path = environment.CONFIG_FILE;
  const { alerts, ...content } = path ? readConfigFile(path) : {};
  // `alerts = "off"` is the setting, `[alerts.rules.NAME]` are tables about what is watched.
  const file = typeof alerts === "object" ? content : { ...content, alerts };
  const entries = names.map((name) => {
    const key = name.toLowerCase();
    const fromEnvironment = environment[name] || undefined;
    const [schema, fallback] = settings[name];
    const raw = fromEnvironment ?? file[key] ?? fallback;
    const parsed = schema.safeParse(raw);
    if (!parsed.success) {
      const where = fromEnvironment === undefined ? `${key} in ${path}` : name;
      // A secret that is refused must not end up in a log.
      const shown = name === "AUTH_TOKEN" || name === "OIDC_CLIENT_SECRET" ? "" : ` is ${JSON.stringify(raw)}, but it`;
      throw new ConfigError(`${where}${shown} ${parsed.error.issues[0]?.message}`);
    }
    return [camelCase(name), parsed.data] as const;
  });
  const recipes = recipesOf(file.runtimes);
  if (typeof recipes === "string") throw new ConfigError(`${path}: ${recipes}`);
  const alertRules = alertRulesOf(typeof alerts === "object" ? alerts : {});
  if (typeof alertRules === "string") throw new ConfigError(`${path}: ${alertRules}`);
  const channels = channelsOf(file.channels);
  if (typeof channels === "string") throw new ConfigError(`${path}: ${channels}`);
  const engineEnvironment = inheritedEnvironment(environment);
  const config = {
    ...Object.fromEntries(entries),
    recipes,
    alertRules,
    channels,
    engineEnvironment,
  } as unknown as Config;
  if (config.socketLagBytes >= config.socketBacklogBytes) {
    throw new ConfigError("SOCKET_LAG_BYTES must be less than SOCKET_BACKLOG_BYTES");
  }
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    throw new ConfigError("TLS_CERT and TLS_KEY belong together; only one of them is set");
  }
  if (config.tlsRedirectPort !== undefined && config.tlsCert === undefined) {
    throw new ConfigError("TLS_REDIRECT_PORT needs TLS_CERT and TLS_KEY, where there is something to redirect to");
  }
  if (config.oidcIssuer !== undefined) {
    if (config.oidcClientId === undefined) throw new ConfigError("OIDC_ISSUER needs OIDC_CLIENT_ID");
    if (config.oidcAdmins.length + config.oidcOperators.length + config.oidcViewers.length === 0) {
      throw new ConfigError("OIDC_ISSUER needs OIDC_ADMINS, OIDC_OPERATORS or OIDC_VIEWERS, or nobody could sign in");
    }
  }
  return Object.freeze(config);
}

function readConfigFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`CONFIG_FILE ${path} cannot be read: ${messageOf(error)}`);
  }
  let content: Record<string, unknown>;
  try {
    content = parseToml(text);
  } catch (error) {
    throw new ConfigError(`CONFIG_FILE ${path} is not TOML: ${messageOf(error).split("\n", 1)[0]}`);
  }
  const known = new Set(["runtimes", "channels", ...names.map((name) => name.toLowerCase())]);
  const unknown = Object.keys(content).find((key) => !known.has(key));
  if (unknown !== undefined) {
    throw new ConfigError(`${unknown} in ${path} is not a setting; --help lists those there are`);
  }
  return content;
}

/** Whether what goes there is read by nobody on the way. */
function isSecureOrLocal(url: URL | null): boolean {
  const local = url?.hostname === "localhost" || url?.hostname === "[::1]" || url?.hostname.startsWith("127.") === true;
  return url?.protocol === "https:" || (url?.protocol === "http:" && local);
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
