import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../docker/engine.ts";
import { tempDir } from "../temp-dir.ts";

export const BOX = "box";

/** Busybox's applets that the fake engine is made of. */
const APPLETS = ["sh", "sleep", "echo", "httpd", "tail", "dd", "cat"];

/**
 * A fake engine for containers, as a script: `/engine HOST PORT [MODE…]`. It counts on its output, and answers `/health`.
 *
 * - `ignore-sigterm`: only SIGKILL ends it.
 * - `exit CODE`: ends at once.
 * - `eat`: uses memory without end.
 */
const ENGINE = `#!/bin/sh
host=$1
port=$2
shift 2
echo "loading $port"
case "$1" in
  ignore-sigterm) trap "" TERM ;;
  exit) echo "cannot load: no such tensor" >&2; exit "$2" ;;
  eat) text=0123456789abcdef; while true; do text=$text$text; done ;;
  *) trap "echo bye; exit 0" TERM ;;
esac
httpd -p $host:$port -h /www
echo ready >&2
count=0
while true; do
  echo "line $count"
  count=$((count + 1))
  sleep 0.2 &
  wait
done
`;

/** Makes the image `box` from Debian's busybox-static; `ballast` bytes make it take a while to pull. */
export function importBox(engine: Engine, name = BOX, ballast = 0): void {
  using dir = tempDir();
  const at = (path: string) => join(dir.path, path);
  for (const path of ["bin", "www", "tmp"]) mkdirSync(at(path));
  copyFileSync("/usr/bin/busybox", at("bin/busybox"));
  chmodSync(at("bin/busybox"), 0o755);
  for (const applet of APPLETS) symlinkSync("busybox", at(`bin/${applet}`));
  writeFileSync(at("www/health"), "ok");
  writeFileSync(at("engine"), ENGINE, { mode: 0o755 });
  // Not to be compressed.
  if (ballast > 0) writeFileSync(at("ballast"), crypto.getRandomValues(Buffer.alloc(ballast)));
  engine.importImage(dir.path, name);
}
