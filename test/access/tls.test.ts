import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../cli/cli-process.ts";
import { type Runtime, serverProcess } from "../server-process.ts";
import { connectClient } from "../socket-client.ts";
import { tempDir } from "../temp-dir.ts";
import { getOverTls, tlsIdentity } from "../tls-identity.ts";

const [first, second] = [tlsIdentity("first"), tlsIdentity("second")];

describe.each(["bun", "deno"] as const)("a server with a certificate, run by %s", (runtime: Runtime) => {
  test("speaks HTTPS and WSS, sends plain HTTP on, and takes a renewed certificate without cutting anyone off", async () => {
    using dir = tempDir();
    const files = { TLS_CERT: join(dir.path, "tls.crt"), TLS_KEY: join(dir.path, "tls.key") };
    const put = ({ certFile, keyFile }: typeof first) => {
      copyFileSync(certFile, files.TLS_CERT);
      copyFileSync(keyFile, files.TLS_KEY);
    };
    put(first);
    const env = { ...files, TLS_REDIRECT_PORT: "0", TLS_HSTS: "on", ALERTS: "off" };
    await using server = await serverProcess({ runtime, env });
    const port = Number(new URL(server.url).port);
    expect(new URL(server.url).protocol).toBe("https:");
    expect(await getOverTls(port, first.cert)).toMatchObject({ status: 200, hsts: "max-age=31536000" });

    const redirectPort = Number(/"redirect_port":(\d+)/.exec(server.output())?.[1]);
    const sentOn = await fetch(`http://127.0.0.1:${redirectPort}/docs`, { redirect: "manual" });
    expect([sentOn.status, sentOn.headers.get("location")]).toEqual([308, `https://127.0.0.1:${port}/docs`]);

    const health = await runCli(["health"], { ...files, PORT: String(port) });
    expect([health.code, health.stdout]).toEqual([0, "ok\n"]);

    for (const transport of ["websocket", "polling"] as const) {
      using client = await connectClient(`https://localhost:${port}`, transport, { ca: first.cert });
      await client.ask("subscribe_system_resources");
      await client.next("system_resources_update");
    }
    using client = await connectClient(`https://localhost:${port}`, "websocket", { ca: first.cert });
    let cut = false;
    client.socket.on("disconnect", () => (cut = true));
    put(second);
    const renewed = /New connections get the new certificate/;
    const line = Promise.withResolvers<void>();
    const look = () => renewed.test(server.output()) && line.resolve();
    server.process.stdout?.on("data", look);
    server.process.stderr?.on("data", look);
    await line.promise;
    expect(await getOverTls(port, second.cert, "/healthz")).toMatchObject({ status: 200 });
    await client.ask("subscribe_system_resources");
    await client.next("system_resources_update");
    expect(cut).toBe(false);
  });
});

test.each([
  [{ TLS_CERT: first.certFile }, "TLS_CERT and TLS_KEY belong together; only one of them is set"],
  [{ TLS_CERT: first.certFile, TLS_KEY: second.keyFile }, "is not the key of the certificate"],
  [{ TLS_CERT: "/nowhere.crt", TLS_KEY: first.keyFile }, "TLS_CERT /nowhere.crt cannot be read"],
  [{ TLS_REDIRECT_PORT: "80" }, "TLS_REDIRECT_PORT needs TLS_CERT and TLS_KEY"],
])("a certificate that cannot be used stops the start with one line (%#)", async (env, message) => {
  using dir = tempDir();
  const { code, stderr } = await runCli(["serve", "--port", "0", "--data-dir", dir.path], env);
  expect(code).toBe(2);
  expect(stderr.trimEnd().split("\n").at(-1)).toContain(message);
});
