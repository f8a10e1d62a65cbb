import { readFileSync } from "node:fs";

/** The user's contract, kept in the repository as it was given. */
const text = readFileSync(new URL("../../docs/websocket-events-api.md", import.meta.url), "utf8");

/** The JSON samples of the document, in its order: five envelopes and the subscription acknowledgement. */
export const samples = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((match): unknown =>
  JSON.parse(match[1] ?? ""),
);

/** The JavaScript and Python programs of the document, as they stand there. */
export function program(language: "javascript" | "python", containing: string): string {
  const blocks = [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    (match) => match[1] ?? "",
  );
  const found = blocks.find((block) => block.includes(containing));
  if (!found) throw new Error(`the document has no ${language} block with ${containing}`);
  return found;
}

/** The words that stand as list items `- \`word\`:` under the given heading. */
export function words(heading: string): string[] {
  const start = text.indexOf(heading);
  if (start < 0) throw new Error(`the document has no heading ${heading}`);
  const section = text.slice(start + heading.length).split(/\n#/)[0] ?? "";
  return [...section.matchAll(/^- `([^`]+)`/gm)].map((match) => match[1] ?? "");
}

/** The event names the document's sections announce: `**订阅事件**: \`subscribe_…\``. */
export function announced(label: "订阅事件" | "推送事件"): string[] {
  return [...text.matchAll(new RegExp(`\\*\\*${label}\\*\\*: \`([^\`]+)\``, "g"))].map((match) => match[1] ?? "");
}

/**
 * What of `sample` is missing in `actual` or has another type there, as paths. Null stands for "cannot be reported"
 * and fits any type; arrays are compared by their first elements.
 */
export function differences(sample: unknown, actual: unknown, path = "$"): string[] {
  if (actual === null) return [];
  if (Array.isArray(sample)) {
    if (!Array.isArray(actual)) return [`${path} is no array`];
    return sample.length > 0 && actual.length > 0 ? differences(sample[0], actual[0], `${path}[0]`) : [];
  }
  if (typeof sample === "object" && sample !== null) {
    if (typeof actual !== "object") return [`${path} is no object`];
    return Object.entries(sample).flatMap(([key, value]) =>
      key in (actual as object)
        ? differences(value, (actual as Record<string, unknown>)[key], `${path}.${key}`)
        : [`${path}.${key} is missing`],
    );
  }
  return typeof sample === typeof actual ? [] : [`${path} is ${typeof actual}, not ${typeof sample}`];
}
