import { randomBytes, timingSafeEqual } from "node:crypto";
import * as oidc from "openid-client";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Role } from "../contract/index.ts";
import { sha256 } from "./secrets.ts";
import type { SessionHolder } from "./sessions.ts";

/** Milliseconds a person may take at the provider: enough to find a second factor. */
const SIGN_IN_MS = 10 * 60_000;

/** Sign-ins begun and not finished; beyond that the oldest are forgotten, and whoever began them begins again. */
const MAX_PENDING = 1_000;

/** Seconds the provider may take for one answer. */
const TIMEOUT_S = 10;

/** How long a session lasts at most; who lost their place at the provider is out by then. Milliseconds. */
const SESSION_MS = 12 * 3_600_000;

/** How much the clocks of the two machines may differ, in seconds. */
const CLOCK_TOLERANCE_S = 30;

/** The sign-in failed; the message is for whoever tried. */
export class SignInError extends Error {
  override readonly name = "SignInError";
}

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** As they are asked for, separated by spaces. */
  readonly scopes: string;
  /** The claim that lists a person's groups. */
  readonly groupsClaim: string;
  /** Who gets which role: verified e-mail addresses, subjects, groups, or `*` for everybody the provider knows. */
  readonly roles: Readonly<Record<Role, readonly string[]>>;
}

interface Pending {
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
  /** Hash of what the browser that began it keeps in a cookie. */
  readonly browser: Buffer;
  readonly expiresAt: number;
}

/** What the settings say of a provider; undefined when none is configured. */
export function oidcSettings(config: Config): OidcSettings | undefined {
  const { oidcIssuer: issuer, oidcClientId: clientId } = config;
  if (issuer === undefined || clientId === undefined) return undefined;
  return {
    issuer,
    clientId,
    clientSecret: config.oidcClientSecret,
    scopes: config.oidcScopes,
    groupsClaim: config.oidcGroupsClaim,
    roles: { admin: config.oidcAdmins, operator: config.oidcOperators, viewer: config.oidcViewers },
  };
}

/**
 * Sign-in at an OpenID Connect provider: authorization code with PKCE, by openid-client. What is begun in one browser can
 * only be finished there, and only once.
 */
export class OidcSignIn {
  readonly #settings: OidcSettings;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Where to send the browser, and the secret for the cookie that it must bring back.
   *
   * @throws SignInError when the provider cannot be reached.
   */
  async begin(redirectUri: string): Promise<{ location: string; browserSecret: string }> {
    const configuration = await this.#discover();
    const browserSecret = randomBytes(32).toString("base64url");
    const [verifier, nonce, state] = [oidc.randomPKCECodeVerifier(), oidc.randomNonce(), oidc.randomState()];
    this.#forget();
    this.#pending.set(state, {
      verifier,
      nonce,
      redirectUri,
      browser: sha256(browserSecret),
      expiresAt: this.#clock.monotonic() + SIGN_IN_MS,
    });
    const location = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#settings.scopes,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      nonce,
      state,
    });
    return { location: location.href, browserSecret };
  }

  /**
   * Whom the provider says the person is, and what they may do here.
   *
   * @param query what the provider sent the browser back with.
   * @throws SignInError
   */
  async finish(query: URLSearchParams, browserSecret: string | undefined): Promise<SessionHolder> {
    const state = query.get("state") ?? "";
    const pending = this.#pending.get(state);
    const sameBrowser =
      pending && browserSecret !== undefined && timingSafeEqual(pending.browser, sha256(browserSecret));
    if (!pending || !sameBrowser || pending.expiresAt <= this.#clock.monotonic()) {
      throw new SignInError("This sign-in was not begun in this browser, or took too long. Begin again.");
    }
    this.#pending.delete(state);
    const configuration = await this.#discover();
    const answer = new URL(pending.redirectUri);
    answer.search = query.toString();
    let claims: Readonly<Record<string, unknown>>;
    try {
      const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
        pkceCodeVerifier: pending.verifier,
        expectedNonce: pending.nonce,
        expectedState: state,
        idTokenExpected: true,
      });
      const idToken = tokens.claims();
      if (!idToken) throw new SignInError("The provider sent no identity.");
      const more = configuration.serverMetadata().userinfo_endpoint
        ? await oidc.fetchUserInfo(configuration, tokens.access_token, idToken.sub)
        : {};
      claims = { ...more, ...idToken };
    } catch (error) {
      throw refusalOf(error);
    }
    return this.#holder(claims);
  }

  #holder(claims: Readonly<Record<string, unknown>>): SessionHolder {
    const { groupsClaim, roles } = this.#settings;
    const name = nameOf(claims);
    const role = roleFor(claims, groupsClaim, roles);
    if (role === undefined) {
      throw new SignInError(
        `${name} may not use this server; OIDC_VIEWERS, OIDC_OPERATORS or OIDC_ADMINS can allow it.`,
      );
    }
    const expiresAt = this.#clock.now() + SESSION_MS;
    return { name, role, scopes: null, tokenId: null, configured: false, expiresAt };
  }

  /** Asks the provider about itself, once; a failure is not remembered. */
  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const url = new URL(issuer);
    this.#configuration ??= oidc.discovery(
      url,
      clientId,
      { [oidc.clockTolerance]: CLOCK_TOLERANCE_S, ...(clientSecret !== undefined && { client_secret: clientSecret }) },
      clientSecret === undefined ? oidc.None() : undefined,
      // The settings let plain HTTP through for a provider on this machine only.
      { timeout: TIMEOUT_S, ...(url.protocol === "http:" && { execute: [oidc.allowInsecureRequests] }) },
    );
    try {
      return await this.#configuration;
    } catch (error) {
      this.#configuration = undefined;
      throw new SignInError(`The provider ${issuer} does not answer as it should: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }

  /** Makes room for one more. In the order they were begun, so the first ones are the oldest. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [state, { expiresAt }] of this.#pending) {
      if (expiresAt > now && this.#pending.size < MAX_PENDING) return;
      this.#pending.delete(state);
    }
  }
}

const STRONGEST_FIRST = ["admin", "operator", "viewer"] as const satisfies readonly Role[];

/**
 * The strongest role whose list names the person; undefined when none does. An e-mail address counts only when the
 * provider has verified it: some let people write any address into their profile.
 */
export function roleFor(
  claims: Readonly<Record<string, unknown>>,
  groupsClaim: string,
  roles: OidcSettings["roles"],
): Role | undefined {
  const groups = claims[groupsClaim];
  const known = new Set<unknown>(["*", claims.sub, ...(Array.isArray(groups) ? groups : [groups])]);
  const email =
    claims.email_verified === true && typeof claims.email === "string" ? claims.email.toLowerCase() : undefined;
  return STRONGEST_FIRST.find((role) =>
    roles[role].some((entry) => known.has(entry) || (email !== undefined && entry.toLowerCase() === email)),
  );
}

function nameOf(claims: Readonly<Record<string, unknown>>): string {
  const { email, preferred_username: username, name, sub } = claims;
  const found = [email, username, name, sub].find((value) => typeof value === "string" && value !== "");
  return String(found).slice(0, 200);
}

/** In the provider's words where it refused, which are made for people. */
function refusalOf(error: unknown): SignInError {
  if (error instanceof SignInError) return error;
  if (error instanceof oidc.AuthorizationResponseError) {
    return new SignInError(`The provider refused: ${error.error_description ?? error.error}.`, { cause: error });
  }
  return new SignInError(`The provider's answer was not accepted: ${messageOf(error)}.`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
