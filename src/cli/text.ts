import { stripVTControlCharacters, styleText } from "node:util";
import widthOf from "fast-string-truncated-width";

/** Columns a terminal has where it does not say. */
export const DEFAULT_COLUMNS = 80;

/** Stands for what is not known or not there. */
export const NOTHING = "–";

/**
 * `text` on one line and without anything that steers a terminal: names and messages come from other users, and must
 * not be able to move the cursor, change a title or hide what follows.
 */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\p{Cc}\p{Cf}]/gu, "");
}

/** Columns that `text` takes on a terminal: CJK characters and emoji take two, colour codes none. */
export function displayWidth(text: string): number {
  return widthOf(text).width;
}

/** `text` cut to `columns`, with an ellipsis where something is missing, or filled up to them with spaces. */
export function fit(text: string, columns: number): string {
  const short = cut(text, columns);
  return short + " ".repeat(Math.max(0, columns - displayWidth(short)));
}

/** `text` cut to `columns`, with an ellipsis where something is missing. Takes no colour codes. */
export function cut(text: string, columns: number): string {
  const { index, truncated, ellipsed } = widthOf(text, { limit: columns, ellipsis: "…", ellipsisWidth: 1 });
  if (!truncated) return text;
  return text.slice(0, index) + (ellipsed ? "…" : "");
}

type Format = Parameters<typeof styleText>[0];

/** Puts `text` in a colour or weight, or leaves it where colours are not wanted. */
export type Paint = (format: Format, text: string) => string;

/** How to colour what goes to `stream`: only on a terminal, and never with `NO_COLOR` or a dumb terminal. */
export function painter(
  stream: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): Paint {
  const colors = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  return colors ? (format, text) => styleText(format, text, { validateStream: false }) : (_, text) => text;
}
