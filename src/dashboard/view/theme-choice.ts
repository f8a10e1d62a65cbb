export type Theme = "light" | "dark";

const THEME_KEY = "llm-manager.theme";

/** What the user chose on this browser; undefined follows the system. */
export function rememberedTheme(): Theme | undefined {
  try {
    const stored = localStorage.getItem(THEME_KEY);
    return stored === "light" || stored === "dark" ? stored : undefined;
  } catch {
    // Storage is forbidden here: the system's theme it is.
    return undefined;
  }
}

/** What is shown: the choice, or else the system's. */
export function shownTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function applyTheme(theme: Theme | undefined): void {
  if (theme === undefined) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A choice that equals the system's is none: it goes on following the system. */
export function chooseTheme(theme: Theme): void {
  applyTheme(undefined);
  const followsSystem = shownTheme() === theme;
  if (!followsSystem) applyTheme(theme);
  try {
    if (followsSystem) localStorage.removeItem(THEME_KEY);
    else localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Storage is forbidden here: the choice holds until the page is left.
  }
}
