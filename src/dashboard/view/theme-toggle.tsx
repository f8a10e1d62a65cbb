import { signal } from "@preact/signals";
import { chooseTheme, shownTheme } from "./theme-choice.ts";

/** Changes with the theme, so that what is drawn on a canvas can be drawn anew. */
export const theme = signal(shownTheme());

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  theme.value = shownTheme();
});

export function ThemeToggle() {
  const dark = theme.value === "dark";
  const toggle = () => {
    chooseTheme(dark ? "light" : "dark");
    theme.value = shownTheme();
  };
  return (
    <button
      type="button"
      class="icon-button"
      aria-pressed={dark}
      aria-label="Dark theme"
      title="Dark theme"
      onClick={toggle}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <circle cx="10" cy="10" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M10 3.75a6.25 6.25 0 0 1 0 12.5z" fill="currentColor" />
      </svg>
    </button>
  );
}
