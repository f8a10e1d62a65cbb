import { once } from "node:events";
import { createServer } from "node:http";

/** What a deployment's health check asks; it answers with the status it is told to. */
export class HealthEndpoint implements AsyncDisposable {
  status = 200;
  readonly #http = createServer((_request, response) => {
    response.writeHead(this.status).end();
  });

  static async listen(): Promise<HealthEndpoint> {
    const endpoint = new HealthEndpoint();
    endpoint.#http.listen(0, "127.0.0.1");
    await once(endpoint.#http, "listening");
    return endpoint;
  }

  get port(): number {
    const address = this.#http.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
  }
}
