import type { ComponentChildren } from "preact";

/** What to do next where there is nothing to show yet. */
export function EmptyState({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <h3>{title}</h3>
      {children}
    </div>
  );
}
