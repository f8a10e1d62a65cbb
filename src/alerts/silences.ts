import { eq, sql } from "drizzle-orm";
import { alertSilences } from "../../db/schema.ts";
import type { Activities } from "../activities/activities.ts";
import { type Clock, isoTime } from "../clock.ts";
import { type CreateSilence, idNumber, ProblemError, type Silence } from "../contract/index.ts";
import type { Store } from "../store/store.ts";

type Row = typeof alertSilences.$inferSelect;

/** What a silence is compared with. */
export interface Silenceable {
  readonly key: string;
  readonly type: string;
  readonly resource: { readonly type: string; readonly id?: string | undefined };
}

/** Each open alert is compared with each silence, so there are not to be endlessly many. */
const MOST = 1_000;

/**
 * The silences in force. A silence is forgotten when its time is over; what it was is in the history.
 */
export class Silences {
  readonly #store: Store;
  readonly #activities: Pick<Activities, "record">;
  readonly #clock: Clock;
  readonly #rows: Map<number, Row>;

  constructor(parts: { store: Store; activities: Pick<Activities, "record">; clock: Clock }) {
    this.#store = parts.store;
    this.#activities = parts.activities;
    this.#clock = parts.clock;
    this.#rows = new Map(
      parts.store.db
        .select()
        .from(alertSilences)
        .all()
        .map((row) => [row.id, row]),
    );
  }

  /** Those in force, oldest first. */
  list(): Silence[] {
    const now = this.#clock.now();
    return [...this.#rows.values()].filter(({ until }) => until > now).map(asSilence);
  }

  /** @throws ProblemError `validation_failed`, `limit_reached`; StorageError. */
  create(input: CreateSilence, by: string | null): Silence {
    const { key, type, resource, comment } = input;
    const now = this.#clock.now();
    const until = Date.parse(input.until);
    if (until <= now) {
      const message = `must be later than now, ${isoTime(now)}`;
      throw new ProblemError("validation_failed", "The end of a silence lies ahead.", [{ field: "until", message }]);
    }
    if (this.#rows.size >= MOST) {
      throw new ProblemError("limit_reached", `There are already ${MOST} silences; delete one first.`);
    }
    const patterns = { keyPattern: key, typePattern: type, resourcePattern: resource };
    const row = this.#store.write((tx) => {
      const values = { ...patterns, until, comment, createdBy: by, createdAt: now };
      const row = tx.db.insert(alertSilences).values(values).returning().get();
      const shown = describe(row);
      const why = comment === null ? "" : `: ${comment}`;
      this.#record(tx, row, `Alerts that match ${shown} are silenced until ${input.until}${why}`);
      return row;
    });
    this.#rows.set(row.id, row);
    return asSilence(row);
  }

  /** @throws ProblemError `not_found`; StorageError. */
  remove(id: string): void {
    const row = this.#rows.get(idNumber("sil-", id) ?? 0);
    if (!row || row.until <= this.#clock.now()) throw new ProblemError("not_found", `There is no silence ${id}.`);
    this.#store.write((tx) => {
      tx.db.delete(alertSilences).where(eq(alertSilences.id, row.id)).run();
      this.#record(tx, row, `Alerts that match ${describe(row)} are no longer silenced`);
    });
    this.#rows.delete(row.id);
  }

  /** Whether nobody is to be told of this now. */
  covers(alert: Silenceable): boolean {
    const now = this.#clock.now();
    for (const row of this.#rows.values()) {
      if (row.until > now && matches(row, alert)) return true;
    }
    return false;
  }

  /** Forgets those whose time is over. @throws StorageError. */
  prune(): void {
    const now = this.#clock.now();
    const over = [...this.#rows.values()].filter(({ until }) => until <= now).map(({ id }) => id);
    if (over.length === 0) return;
    this.#store.write((tx) => tx.db.delete(alertSilences).where(sql`until <= ${now}`).run());
    for (const id of over) this.#rows.delete(id);
  }

  #record(tx: Parameters<Parameters<Store["write"]>[0]>[0], row: Row, message: string): void {
    this.#activities.record(tx, {
      activity_type: "user_operation",
      message,
      severity: "info",
      resource_type: "silence",
      resource_id: `sil-${row.id}`,
      extra_data: { ...asSilence(row) },
    });
  }
}

function matches(row: Row, { key, type, resource }: Silenceable): boolean {
  const instance = resource.id === undefined ? resource.type : `${resource.type}:${resource.id}`;
  return (
    fits(row.keyPattern, key) &&
    fits(row.typePattern, type) &&
    (fits(row.resourcePattern, instance) || fits(row.resourcePattern, resource.type))
  );
}

/** Whether `text` is what `pattern` says, `*` being any text. Linear: each part is looked for once, from left to right. */
function fits(pattern: string | null, text: string): boolean {
  if (pattern === null) return true;
  const parts = pattern.split("*");
  const [first = "", ...others] = parts;
  if (others.length === 0) return text === pattern;
  const last = others.pop() ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const part of others) {
    const at = text.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

function describe({ keyPattern, typePattern, resourcePattern }: Row): string {
  const given = { key: keyPattern, type: typePattern, resource: resourcePattern };
  return Object.entries(given)
    .filter(([, pattern]) => pattern !== null)
    .map(([name, pattern]) => `${name} ${pattern}`)
    .join(", ");
}

function asSilence(row: Row): Silence {
  return {
    silence_id: `sil-${row.id}`,
    key: row.keyPattern,
    type: row.typePattern,
    resource: row.resourcePattern,
    until: isoTime(row.until),
    comment: row.comment,
    created_by: row.createdBy,
    created_at: isoTime(row.createdAt),
  };
}
