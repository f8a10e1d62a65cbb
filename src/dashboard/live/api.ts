/** The server wants a token, or another one. */
export class UnauthorizedError extends Error {
  override readonly name = "UnauthorizedError";
}

const UNAUTHORIZED = 401;

/** A server that has not answered by then is not going to; the caller asks again. */
const TIMEOUT_MS = 15_000;

/**
 * GETs JSON from the server this page came from. `Body` is the contract's type for `path`: page and server are of the
 * same build, so the answer is not checked again.
 *
 * @throws UnauthorizedError, or Error when the server cannot be reached, is too slow or answers with another error.
 */
export async function getJson<Body>(path: string, token: string | undefined, signal: AbortSignal): Promise<Body> {
  const response = await fetch(path, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (response.status === UNAUTHORIZED) throw new UnauthorizedError(`GET ${path} needs a token`);
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
  return response.json();
}
