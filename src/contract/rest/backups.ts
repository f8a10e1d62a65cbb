import { z } from "@hono/zod-openapi";
import { backup } from "../backups.ts";
import { json, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const tags = ["backups"];
const params = z.strictObject({ name: z.string().min(1).max(200) });

export const backupList = z.object({ items: z.array(backup) }).openapi("BackupList");

export const listBackupsRoute = createRoute({
  method: "get",
  path: "/api/v1/backups",
  "x-scope": "admin",
  tags,
  summary: "List backups, newest first, those made before an upgrade or a restore included",
  responses: { 200: json(backupList, "The backups"), ...problems },
});

export const createBackupRoute = createRoute({
  method: "post",
  path: "/api/v1/backups",
  "x-scope": "admin",
  tags,
  summary: "Make a backup while the server goes on; answered when it is complete",
  responses: { 201: json(backup, "The new backup"), ...problems },
});

export const downloadBackupRoute = createRoute({
  method: "get",
  path: "/api/v1/backups/{name}",
  "x-scope": "admin",
  tags,
  summary: "Download a backup",
  request: { params },
  responses: {
    200: {
      description: "An SQLite database",
      content: { "application/vnd.sqlite3": { schema: z.string().openapi({ format: "binary" }) } },
    },
    ...problems,
  },
});

export const deleteBackupRoute = createRoute({
  method: "delete",
  path: "/api/v1/backups/{name}",
  "x-scope": "admin",
  tags,
  summary: "Delete a backup",
  request: { params },
  responses: { 204: { description: "It is gone" }, ...problems },
});
