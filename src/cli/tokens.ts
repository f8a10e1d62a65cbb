import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Page } from "../client/api.ts";
import { UnreachableError } from "../client/errors.ts";
import type { CreatedToken, CreateToken, Token } from "../contract/access.ts";
import { type Context, clientCommand, groupCommand, openSession, type Session } from "./context.ts";
import { UsageError } from "./failure.ts";
import { ago } from "./format.ts";
import { given, number } from "./options.ts";
import { notePage, show } from "./show.ts";
import { type Column, table } from "./table.ts";
import { NOTHING } from "./text.ts";
import { roles, scopes } from "./words.ts";

/** Where tokens are kept: a server that runs, or the data directory of one that does not. */
interface Desk extends Disposable {
  list(query: { limit?: number | undefined; before?: string | undefined }): Promise<Page<Token>>;
  create(input: CreateToken): Promise<CreatedToken>;
  revoke(tokenId: string, force: boolean): Promise<Token>;
}

interface DeskOptions {
  readonly url?: string | undefined;
  readonly dataDir?: string | undefined;
}

const DATA_DIR = "work on this data directory, which no server uses now (DATA_DIR)";

/** `token create|list|revoke`. */
export function addTokenCommands(program: Command, context: Context): void {
  const tokens = groupCommand(program, "token", "who may call the server");

  clientCommand(tokens, "create", "make a token, and print it, once")
    .argument("<name>", "who or what it is for")
    .addOption(new Option("--role <role>", "what it may do").choices(roles))
    .addOption(
      new Option("--scope <scope>", `instead of a role, one thing it may do; may be given several times`)
        .choices(scopes)
        .argParser(scopeParser),
    )
    .option("--expires <time>", "how long it is good for, such as 12h or 90d (for ever)", seconds)
    .option("-d, --data-dir <directory>", DATA_DIR)
    .action(async (name, { role, scope, expires, ...options }) => {
      if ((role === undefined) === (scope === undefined)) throw new UsageError("give --role, or --scope, and not both");
      const session = openSession(options, context);
      const input = { name, ...given({ role, scopes: scope, expires_in_seconds: expires }) };
      const token = await atDesk(session, options, context, true, (desk) => desk.create(input));
      // The secret alone goes to standard output, so that a script can take it from there.
      show(session, token, () => [token.token]);
      if (!session.json)
        session.output.note(`This is ${token.token_id} (${allowed(token)}), ${validity(token)}. It is shown only now.`);
    });

  clientCommand(tokens, "list", "list tokens, newest first, without their secrets")
    .option("--limit <count>", "at most this many (50)", number)
    .option("--before <token-id>", "only those before this one")
    .option("-d, --data-dir <directory>", DATA_DIR)
    .action(async ({ limit, before, ...options }) => {
      const session = openSession(options, context);
      const page = await atDesk(session, options, context, false, (desk) => desk.list({ limit, before }));
      const { output } = session;
      show(session, page, () =>
        page.items.length === 0
          ? ["No tokens. Make one with: llm-manager token create <name> --role <role>"]
          : table(page.items, columns, output.columns(), output.paint),
      );
      notePage(session, page, "before");
    });

  clientCommand(tokens, "revoke", "end a token, its sessions and its open connections")
    .argument("<token-id>", "such as tok-3; see: llm-manager token list")
    .option("--force", "also the last one that can administer")
    .option("-d, --data-dir <directory>", DATA_DIR)
    .action(async (tokenId, { force, ...options }) => {
      const session = openSession(options, context);
      const token = await atDesk(session, options, context, false, (desk) => desk.revoke(tokenId, force ?? false));
      show(session, token, () => [`Revoked ${token.token_id} (${token.name}).`]);
    });
}

/**
 * Does `work` where the tokens are. Where no server answers, and none was named, that is the data directory: who can
 * write it can let anybody in, so nobody is ever locked out of their own machine.
 */
async function atDesk<Result>(
  session: Session,
  options: DeskOptions,
  context: Context,
  make: boolean,
  work: (desk: Desk) => Promise<Result>,
): Promise<Result> {
  if (options.dataDir !== undefined && options.url !== undefined)
    throw new UsageError("give --url or --data-dir, not both");
  if (options.dataDir === undefined) {
    try {
      return await work(serverDesk(session));
    } catch (error) {
      const named = options.url !== undefined || context.environment.LLM_MANAGER_URL;
      if (!(error instanceof UnreachableError) || named) throw error;
      using desk = await directoryDesk(undefined, context, false);
      if (!desk) throw error;
      session.output.note(`No server answers at ${session.url}, so this was done in ${desk.dataDir}.`);
      return await work(desk);
    }
  }
  using desk = await directoryDesk(options.dataDir, context, make);
  if (!desk) throw new UsageError(`there is no llm-manager database in ${options.dataDir}`);
  return await work(desk);
}

function serverDesk({ api }: Session): Desk {
  return {
    list: (query) => api.tokens.list(query),
    create: (input) => api.tokens.create(input),
    revoke: (tokenId, force) => api.tokens.revoke(tokenId, { force }),
    [Symbol.dispose]() {},
  };
}

/** @param make also where there is no database yet. @returns undefined where there is none. */
async function directoryDesk(dataDir: string | undefined, { environment }: Context, make: boolean) {
  const [{ loadConfig }, { openTokens }] = await Promise.all([import("../config.ts"), import("../server.ts")]);
  const config = loadConfig({ ...environment, ...(dataDir !== undefined && { DATA_DIR: dataDir }) });
  const tokens = openTokens(config, { make });
  if (!tokens) return undefined;
  return {
    dataDir: config.dataDir,
    list: async (query: Parameters<Desk["list"]>[0]) => tokens.list({ before: query.before, limit: query.limit ?? 50 }),
    create: async (input: CreateToken) => tokens.create(input),
    revoke: async (tokenId: string, force: boolean) => tokens.revoke(tokenId, force),
    [Symbol.dispose]: () => tokens[Symbol.dispose](),
  } satisfies Desk & { dataDir: string };
}

const columns: readonly Column<Token>[] = [
  { title: "TOKEN", value: ({ token_id }) => token_id },
  { title: "NAME", value: ({ name }) => name, shrinks: true },
  { title: "MAY", value: allowed, shrinks: true },
  { title: "STATE", value: ({ state }) => state },
  { title: "CREATED", value: ({ created_at }) => ago(created_at, Date.now()) },
  { title: "USED", value: ({ last_used_at }) => (last_used_at === null ? "never" : ago(last_used_at, Date.now())) },
  { title: "EXPIRES", value: ({ expires_at }) => expires_at ?? NOTHING },
];

function allowed({ role, scopes }: Token): string {
  return role ?? scopes.join(", ");
}

function validity({ expires_at }: Token): string {
  return expires_at === null ? "which does not expire" : `good until ${expires_at}`;
}

function scopeParser(text: string, before: readonly (typeof scopes)[number][] | undefined): (typeof scopes)[number][] {
  const found = scopes.find((scope) => scope === text);
  if (!found) throw new InvalidArgumentError(`Allowed choices are ${scopes.join(", ")}.`);
  return [...(before ?? []), found];
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90d`, `12h`, `30m` or `45s` in seconds. */
function seconds(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const unit = UNITS[match?.[2] ?? ""];
  if (!match || unit === undefined) throw new InvalidArgumentError("It must look like 45s, 30m, 12h or 90d.");
  return Number(match[1]) * unit;
}
