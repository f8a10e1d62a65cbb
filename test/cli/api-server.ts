import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body?: unknown;
}

/** What was asked of the server. */
interface Asked {
  readonly request: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** A server that gives the answers it is told to, by `METHOD /path`, and keeps what it was asked. */
export class ApiServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly #answers: Readonly<Record<string, Answer>>;
  readonly #http = createServer(async (request, response) => {
    const text = await bodyOf(request);
    const key = `${request.method} ${request.url}`;
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    this.asked.push({ request: key, authorization: request.headers.authorization, body });
    const answer = this.#answers[key] ?? { status: 404, type: "text/html", body: "<h1>nothing here</h1>" };
    response.writeHead(answer.status ?? 200, { "content-type": answer.type ?? "application/json" });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  });

  constructor(answers: Readonly<Record<string, Answer>>) {
    this.#answers = answers;
  }

  async listen(): Promise<this> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return this;
  }

  get url(): string {
    const address = this.#http.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
