import type { z } from "@hono/zod-openapi";
import { ProblemError } from "../contract/index.ts";

/** Longest list of bad fields in one answer. */
const MAX_ERRORS = 50;

const places = {
  json: "body",
  param: "path",
  query: "query",
  header: "header",
  cookie: "cookie",
  form: "form",
} as const;

/** What the schemas found wrong, each bad field by its name and with what is allowed. */
export function validationProblem(target: keyof typeof places, error: z.ZodError): ProblemError {
  const errors = error.issues.flatMap((issue) => fieldsOf(issue)).slice(0, MAX_ERRORS);
  const summary = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  return new ProblemError("validation_failed", `In the ${places[target]}: ${summary}.`.slice(0, 2_000), errors);
}

function fieldsOf(issue: z.core.$ZodIssue): { field: string; message: string }[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: [...path, key].join("."), message: "is not a known field" }));
  }
  // Zod's words for what is not there at all.
  const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  const message = missing ? `is missing; it must be a ${issue.expected}` : issue.message;
  return [{ field: path.join(".") || "(whole)", message }];
}
