import { z } from "@hono/zod-openapi";
import { timestamp } from "./primitives.ts";

/** A complete copy of the database, in the data directory's `backups`. */
export const backup = z
  .object({
    name: z.string().openapi({ example: "llm-manager-2025-01-01T12-00-00-000Z.sqlite" }),
    size_bytes: z.number().int().nonnegative(),
    created_at: timestamp,
  })
  .openapi("Backup");
export type Backup = z.infer<typeof backup>;
