import type { z } from "@hono/zod-openapi";
import { ProblemError } from "../contract/index.ts";
import type { KnownFields } from "./known-fields.ts";

/** Longest list of bad fields in one answer. */
const MAX_ERRORS = 50;

/** Longest sentence that lists them. */
const MAX_DETAIL = 2_000;

const places = {
  json: "body",
  param: "path",
  query: "query",
  header: "header",
  cookie: "cookie",
  form: "form",
} as const;

export type Place = keyof typeof places;
interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** What the schemas found wrong, each bad field by its name and with what is allowed. */
export function validationProblem(target: Place, error: z.ZodError, known: KnownFields): ProblemError {
  const found = new Map<string, FieldError>();
  for (const issue of error.issues) {
    for (const one of fieldErrors(issue, known)) found.set(`${one.field} ${one.message}`, one);
  }
  const errors = [...found.values()].slice(0, MAX_ERRORS);
  const summary = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
  return new ProblemError("validation_failed", `In the ${places[target]}: ${summary}.`.slice(0, MAX_DETAIL), errors);
}

function fieldErrors(issue: z.core.$ZodIssue, known: KnownFields): FieldError[] {
  if (issue.code !== "unrecognized_keys") return [{ field: name(issue.path), message: sentence(issue) }];
  const allowed = known(issue.path);
  const hint = allowed ? `; allowed: ${allowed.join(", ") || "none"}` : "";
  return issue.keys.map((key) => ({ field: name([...issue.path, key]), message: `is not a known field${hint}` }));
}

function name(path: readonly PropertyKey[]): string {
  return path.map(String).join(".") || "(whole)";
}

/** Goes on from a field's name: the contract's own words, or ours where it left them to the library. */
function sentence(issue: z.core.$ZodIssue): string {
  // The contract's begin in lower case ("must be …"), the library's in upper case ("Invalid input: …").
  if (/^[^A-Z]/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return issue.message.endsWith("received undefined")
        ? `is missing; it must be ${a(issue.expected)}`
        : `must be ${a(issue.expected)}`;
    case "too_small":
      return limit(issue.origin, issue.inclusive ? "at least" : "more than", issue.minimum);
    case "too_big":
      return limit(issue.origin, issue.inclusive ? "at most" : "less than", issue.maximum);
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "invalid_key":
      return `has a name that is not allowed: ${issue.issues[0]?.message ?? issue.message}`;
    default:
      return issue.message;
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

function a(type: string): string {
  return nouns[type] ?? type;
}

const counted: Readonly<Record<string, string>> = { string: "character", array: "item" };

function limit(origin: string, comparison: string, value: number | bigint): string {
  const unit = counted[origin];
  return unit ? `must have ${comparison} ${value} ${unit}${value === 1 ? "" : "s"}` : `must be ${comparison} ${value}`;
}
