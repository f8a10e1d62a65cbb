import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";

const dir = join(import.meta.dirname, "fixtures/tls");

/** A certificate for `localhost` that is its own authority, and where it lies. */
export function tlsIdentity(name: "first" | "second") {
  const certFile = join(dir, `${name}.crt`);
  const keyFile = join(dir, `${name}.key`);
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
}

/** Asks over a connection of its own that trusts `ca` alone; rejects when the server shows another certificate. */
export function getOverTls(
  port: number,
  ca: string,
  path = "/",
): Promise<{ status: number; text: string; hsts: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", servername: "localhost", port, path, ca, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      const hsts = response.headers["strict-transport-security"];
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, hsts }));
    });
    sent.on("error", reject);
    sent.end();
  });
}
