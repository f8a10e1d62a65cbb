import type { Page } from "../client/api.ts";
import type { Session } from "./context.ts";

/** Prints a command's result: JSON for programs, or the lines that `render` makes for people. */
export function show(session: Session, value: unknown, render: () => readonly string[]): void {
  if (session.json) session.output.json(value);
  else session.output.print(...render());
}

/** Says how to get the rest of a list. Programs find `next` in the page itself. */
export function notePage(session: Session, page: Page<unknown>, option: "after" | "before"): void {
  if (page.next !== null && !session.json) session.output.note(`There are more: --${option} ${page.next}`);
}
