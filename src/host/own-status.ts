import { get } from "node:https";

/**
 * Asks this machine's own server over TLS and resolves to the status of its answer. Its certificate is for its public
 * name, which is not what it is called by here, so it is not checked: what is asked and answered must be no secret.
 */
export function ownStatus(url: string, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { rejectUnauthorized: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("timeout", () => request.destroy(new Error("it does not answer")));
    request.on("error", reject);
  });
}
