import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";

export const CLIENT = { id: "llm-manager", secret: "the-client's-secret" };

/** What the provider knows of a person, whose login is their subject. */
export type People = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A certified OpenID Connect provider on loopback, which lets in whoever types a login. */
export class TestProvider implements AsyncDisposable {
  readonly #server = createServer();
  issuer = "";

  /** Listens, and answers nothing sensible until {@link serve}. */
  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("no port");
    this.issuer = `http://127.0.0.1:${address.port}`;
    this.#server.on("request", (_request, response) => {
      if (this.#server.listenerCount("request") === 1) response.writeHead(503).end();
    });
    return this;
  }

  /** Knows `people` and the client that is called back at `redirectUri`. */
  serve(people: People, redirectUri: string): void {
    const provider = new Provider(this.issuer, {
      clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] }],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
      findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
      features: { devInteractions: { enabled: true } },
    });
    this.#server.on("request", provider.callback());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A browser as far as signing in goes: keeps each host's cookies, follows redirects, fills in the provider's forms. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const jar = this.jar(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  jar(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    return jar;
  }

  /** The cookies for `url`, as a header. */
  cookie(url: string): string {
    return [...this.jar(url)].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** From where `url` sends the browser through the provider, up to where it would come back. */
  async upToCallback(url: string, login: string): Promise<string> {
    let response = await this.get(url);
    for (let step = 0; step < 12; step++) {
      const location = response.headers.get("location");
      if (location) {
        const next = new URL(location, response.url).href;
        if (next.startsWith(`${url}/callback`)) return next;
        response = await this.get(next);
        continue;
      }
      const page = await response.text();
      const action = /action="([^"]+)"/.exec(page)?.[1];
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
      if (!action || !prompt) throw new Error(`${response.status} ${response.url}: ${page}`);
      response = await this.get(new URL(action, response.url).href, {
        method: "POST",
        body: new URLSearchParams({ prompt, login, password: "any" }),
      });
    }
    throw new Error("the provider never sent the browser back");
  }
}
