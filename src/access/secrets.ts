import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Begins every token this server makes, so that one is recognised when it lies about. */
export const TOKEN_PREFIX = "llmm_";

/** 256 random bits, in 43 characters. */
export function newSecret(prefix = ""): string {
  return prefix + randomBytes(32).toString("base64url");
}

export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A hash that also depends on `key`, so that it matches nothing any more once that has changed. */
export function keyedHash(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Compares in constant time, so that an answer's delay says nothing about the secret. */
export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
