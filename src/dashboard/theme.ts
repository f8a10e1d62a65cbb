import { applyTheme, rememberedTheme } from "./view/theme-choice.ts";

// Runs in the head, before anything is painted, so that a remembered choice never flashes the other theme.
applyTheme(rememberedTheme());
