import { z } from "@hono/zod-openapi";
import { createdToken, createSession, createToken, session, signInMethods, token, tokenId } from "../access.ts";
import { body, json, limit, page, problems } from "./responses.ts";
import { createRoute } from "./route.ts";

const tags = ["access"];

export const tokenPage = page(token).openapi("TokenPage");

export const listTokensRoute = createRoute({
  method: "get",
  path: "/api/v1/tokens",
  "x-scope": "admin",
  tags,
  summary: "List tokens, newest first, also those that have expired or were revoked",
  request: { query: z.strictObject({ before: tokenId.optional(), limit }) },
  responses: { 200: json(tokenPage, "A page of tokens, without their secrets"), ...problems },
});

export const createTokenRoute = createRoute({
  method: "post",
  path: "/api/v1/tokens",
  "x-scope": "admin",
  tags,
  summary: "Make a token, with no scope that the caller does not have",
  request: { body: body(createToken) },
  responses: { 201: json(createdToken, "The new token, with its secret, which is shown only now"), ...problems },
});

export const revokeTokenRoute = createRoute({
  method: "delete",
  path: "/api/v1/tokens/{token_id}",
  "x-scope": "admin",
  tags,
  summary: "Revoke a token: it, its sessions and its open connections end at once",
  request: {
    params: z.strictObject({ token_id: tokenId }),
    query: z.strictObject({
      /** Also the last one that can administer, after which only who can write the data directory can make another. */
      force: z.stringbool({ error: "must be true or false" }).default(false),
    }),
  },
  responses: { 200: json(token, "The revoked token"), ...problems },
});

export const signInRoute = createRoute({
  method: "post",
  path: "/api/v1/session",
  "x-scope": "public",
  tags,
  summary: "Exchange a token for a browser's session, whose cookie scripts cannot read",
  request: { body: body(createSession) },
  responses: { 201: json(session, "Signed in; the cookie is set"), ...problems },
});

export const getSessionRoute = createRoute({
  method: "get",
  path: "/api/v1/session",
  "x-scope": "any",
  tags,
  summary: "Who the server takes the caller for, and what they may do",
  responses: { 200: json(session, "The caller"), ...problems },
});

export const signOutRoute = createRoute({
  method: "delete",
  path: "/api/v1/session",
  "x-scope": "any",
  tags,
  summary: "End the browser's session that the request's cookie stands for; harmless without one",
  responses: { 204: { description: "The cookie is gone, and what it stood for" }, ...problems },
});

export const signInMethodsRoute = createRoute({
  method: "get",
  path: "/api/v1/sign-in-methods",
  "x-scope": "public",
  tags,
  summary: "How a person can sign in here, besides with a token",
  responses: { 200: json(signInMethods, "The methods"), ...problems },
});
