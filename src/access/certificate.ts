import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Clock, every, isoTime } from "../clock.ts";

/** Milliseconds between two looks at the files; certbot, Kubernetes and people replace them in ways no watch covers. */
const LOOK_MS = 5_000;

/** Milliseconds before the end from which it is said daily that a certificate runs out; Let's Encrypt renews at 30 days. */
const WARN_MS = 14 * 86_400_000;
const WARN_EVERY_MS = 86_400_000;

/** The certificate or its key cannot be used; the message names the file and what is wrong with it. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** What the server shows and proves of itself, read and found to belong together. */
export interface Certificate {
  /** PEM, as in the file: the certificate, then those that lead to an authority. */
  readonly cert: string;
  readonly key: string;
  /** Names and addresses it is for, as OpenSSL writes them: `DNS:llm.example.org, IP Address:192.0.2.1`. */
  readonly names: string;
  /** When it runs out, milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** @throws CertificateError when a file cannot be read, is not PEM, or the two do not belong together. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const cert = read("TLS_CERT", certFile);
  const key = read("TLS_KEY", keyFile);
  const parsed = parse("TLS_CERT", certFile, "a certificate", () => new X509Certificate(cert));
  const secret: KeyObject = parse("TLS_KEY", keyFile, "a private key without a passphrase", () =>
    createPrivateKey(key),
  );
  if (!parsed.checkPrivateKey(secret)) {
    throw new CertificateError(`TLS_KEY ${keyFile} is not the key of the certificate in TLS_CERT ${certFile}.`);
  }
  const names = parsed.subjectAltName ?? parsed.subject;
  return { cert, key, names, expiresAt: Date.parse(parsed.validTo) };
}

export interface CertificateWatchParts {
  readonly files: CertificateFiles;
  readonly clock: Clock;
  readonly log: {
    info(message: string, properties: Record<string, unknown>): void;
    warning(message: string, properties: Record<string, unknown>): void;
    error(message: string, properties: Record<string, unknown>): void;
  };
}

/**
 * The certificate of a running server: read at once, and again whenever its files change. Files that cannot be used, such
 * as a half-written pair, change nothing and are logged once; the certificate before stays.
 */
export class CertificateWatch implements Disposable {
  readonly #parts: CertificateWatchParts;
  readonly #timer: Disposable;
  #current: Certificate;
  #renew: ((certificate: Certificate) => void) | undefined;
  /** What was wrong at the last look, so that it is said once. */
  #complaint: string | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;

  /** @throws CertificateError */
  constructor(parts: CertificateWatchParts) {
    this.#parts = parts;
    this.#current = readCertificate(parts.files);
    this.#warn();
    this.#timer = every(
      parts.clock,
      LOOK_MS,
      () => this.#look(),
      (error) => parts.log.error("Looking at the certificate failed: {error}", { error }),
    );
  }

  get current(): Certificate {
    return this.#current;
  }

  /** Calls `renew` with each certificate that replaces {@link current}; what it throws leaves the one before. */
  onChange(renew: (certificate: Certificate) => void): void {
    this.#renew = renew;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #look(): void {
    this.#warn();
    try {
      const next = readCertificate(this.#parts.files);
      this.#complaint = undefined;
      if (next.cert === this.#current.cert && next.key === this.#current.key) return;
      this.#renew?.(next);
      this.#current = next;
      this.#warnedAt = Number.NEGATIVE_INFINITY;
      this.#parts.log.info("New connections get the new certificate, for {names} until {until}", describe(next));
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      if (complaint === this.#complaint) return;
      this.#complaint = complaint;
      this.#parts.log.error("The certificate was not changed: {complaint}", { complaint });
    }
  }

  #warn(): void {
    const { clock, log } = this.#parts;
    const left = this.#current.expiresAt - clock.now();
    if (left > WARN_MS || clock.monotonic() - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = clock.monotonic();
    const ending = left > 0 ? "runs out" : "ran out";
    log.warning("The certificate for {names} {ending} at {until}", { ...describe(this.#current), ending });
  }
}

function describe({ names, expiresAt }: Certificate): { names: string; until: string } {
  return { names, until: isoTime(expiresAt) };
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CertificateError(`${setting} ${file} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
}

function parse<T>(setting: string, file: string, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new CertificateError(`${setting} ${file} does not hold ${what} in PEM.`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
