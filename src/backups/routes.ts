import type { OpenAPIHono } from "@hono/zod-openapi";
import {
  createBackupRoute,
  deleteBackupRoute,
  downloadBackupRoute,
  listBackupsRoute,
} from "../contract/rest/backups.ts";
import type { Backups } from "./backups.ts";

export function mountBackups(app: OpenAPIHono, backups: Backups): void {
  app.openapi(listBackupsRoute, async (c) => c.json({ items: await backups.list() }, 200));
  app.openapi(createBackupRoute, async (c) => c.json(await backups.create(), 201));
  app.openapi(downloadBackupRoute, async (c) => {
    const { name } = c.req.valid("param");
    const { bytes, body } = await backups.read(name);
    return new Response(body, {
      headers: {
        "content-type": "application/vnd.sqlite3",
        "content-length": String(bytes),
        "content-disposition": `attachment; filename="${name}"`,
        "cache-control": "no-store",
      },
    });
  });
  app.openapi(deleteBackupRoute, async (c) => {
    await backups.remove(c.req.valid("param").name);
    return c.body(null, 204);
  });
}
