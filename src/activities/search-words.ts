import { ProblemError } from "../contract/index.ts";

/** Words and phrases of one search; more would not be typed by a person. */
const MAX_TERMS = 16;

/**
 * What people type, as a query of SQLite's FTS5: words that must all be there, `"phrases in quotes"`, and `begin*` for
 * what begins so. Everything else is taken as it stands: FTS5's own operators are only words here.
 *
 * @throws ProblemError when there is nothing to look for.
 */
export function searchQuery(text: string): string {
  const terms = [...text.matchAll(/"([^"]*)"?|([^\s"]+)/g)].flatMap(([, phrase, word = ""]) => {
    const prefix = phrase === undefined && word.endsWith("*");
    const literal = phrase ?? word.replace(/\*+$/, "");
    // The index holds letters and digits; of what has none of these there is nothing in it.
    if (!/[\p{L}\p{N}]/u.test(literal)) return [];
    return [`"${literal.replaceAll(/["\0]/g, " ")}"${prefix ? " *" : ""}`];
  });
  const [message, wrong] =
    terms.length === 0
      ? ["must have a letter or a digit", true]
      : [`must have at most ${MAX_TERMS} words`, terms.length > MAX_TERMS];
  if (wrong) throw new ProblemError("validation_failed", `In the query: q ${message}.`, [{ field: "q", message }]);
  return terms.join(" ");
}
