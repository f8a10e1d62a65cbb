/** When an engine was last seen to generate, or was asked to. Times are monotonic milliseconds. */
export interface GenerationState {
  readonly provenAt: number;
  /** It was asked and did not answer: it is asked again each time until it does. */
  readonly suspect: boolean;
  /** It has no such endpoint, or wants a key: there is nothing to ask. */
  readonly unable: boolean;
}

export type GenerationOutcome = "passed" | "failed" | "unable";

export function beginGeneration(now: number): GenerationState {
  return { provenAt: now, suspect: false, unable: false };
}

/** After a look at the engine's counters: tokens that move prove that it generates, without asking for one more. */
export function afterCounters(state: GenerationState, moved: boolean, now: number): GenerationState {
  return moved ? { ...state, provenAt: now, suspect: false } : state;
}

/** Whether to ask for a token now. */
export function isGenerationDue(
  { provenAt, suspect, unable }: GenerationState,
  now: number,
  intervalMs: number,
): boolean {
  return !unable && (suspect || now - provenAt >= intervalMs);
}

export function afterGeneration(state: GenerationState, outcome: GenerationOutcome, now: number): GenerationState {
  if (outcome === "failed") return { ...state, suspect: true };
  return { provenAt: now, suspect: false, unable: outcome === "unable" };
}
