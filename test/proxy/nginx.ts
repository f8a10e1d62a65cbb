import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { tempDir } from "../temp-dir.ts";
import { tlsIdentity } from "../tls-identity.ts";

/** What the documentation tells people to put into nginx's configuration. */
export function documentedConfig(): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs/deploying.md"), "utf8");
  const found = /```nginx\n([\s\S]*?)```/.exec(text)?.[1];
  if (!found) throw new Error("docs/deploying.md has no nginx configuration");
  return found;
}

/** A real nginx on a free port with the documented configuration, in front of the server on `upstream`. */
export async function startNginx(upstream: number): Promise<AsyncDisposable & { readonly port: number }> {
  const dir = tempDir();
  const port = await freePort();
  const { certFile, keyFile } = tlsIdentity("first");
  const site = documentedConfig()
    .replace(
      "listen 443 ssl;",
      `listen 127.0.0.1:${port} ssl;\n  ssl_certificate ${certFile};\n  ssl_certificate_key ${keyFile};`,
    )
    .replace("server_name llm.example.org;", "server_name localhost;")
    .replace("127.0.0.1:5000", `127.0.0.1:${upstream}`);
  const temp = (name: string) => `${name}_temp_path ${join(dir.path, name)};`;
  const config = join(dir.path, "nginx.conf");
  writeFileSync(
    config,
    `daemon off;
pid ${join(dir.path, "nginx.pid")};
error_log stderr warn;
events {}
http {
  access_log off;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(temp).join("\n  ")}
${site}}
`,
  );
  const child = spawn("nginx", ["-c", config, "-p", dir.path], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const exited = once(child, "exit");
  let ended = false;
  void exited.then(() => (ended = true));
  while (!(await accepts(port))) {
    if (ended) throw new Error(`nginx ended:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGQUIT");
      setTimeout(() => child.kill("SIGTERM"), 1_000).unref();
      await exited;
      dir[Symbol.dispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}

async function accepts(port: number): Promise<boolean> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
