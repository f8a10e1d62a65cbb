const TOKEN_KEY = "llm-manager.token";

/**
 * The access token, kept for this tab only: it opens everything, so it does not outlive the tab and other tabs have to
 * ask for their own. Where the browser refuses storage, the token lives as long as the page.
 */
export class Session {
  #token: string | undefined = readToken();

  get token(): string | undefined {
    return this.#token;
  }

  remember(token: string): void {
    this.#token = token;
    attempt(() => sessionStorage.setItem(TOKEN_KEY, token));
  }

  forget(): void {
    this.#token = undefined;
    attempt(() => sessionStorage.removeItem(TOKEN_KEY));
  }
}

function readToken(): string | undefined {
  return attempt(() => sessionStorage.getItem(TOKEN_KEY)) ?? undefined;
}

/** Storage throws where the user forbids it; the page works without. */
function attempt<Result>(access: () => Result): Result | undefined {
  try {
    return access();
  } catch {
    return undefined;
  }
}
