import type { Payload } from "./socket-client.ts";

/** Sends JSON, resolves to the status and the parsed body. */
export async function send(url: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, body: (text ? JSON.parse(text) : null) as Payload };
}

/** As `send`, for what must succeed. */
export async function must(url: string, method: string, path: string, body?: unknown): Promise<Payload> {
  const answer = await send(url, method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
