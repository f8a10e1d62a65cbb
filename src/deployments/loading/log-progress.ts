/** What a start is at, and how far that is. */
export interface Step {
  readonly step: string;
  readonly percent: number;
}

/** The step whose percentage says when the whole start will be over. */
export const LOADING = "loading the model";

/**
 * How engines tell of their progress: vLLM, SGLang and what else draws tqdm's bars, and llama-box. llama-server tells none
 * in its log.
 */
const TOLD: readonly { readonly step: string; readonly pattern: RegExp }[] = [
  { step: "downloading the model", pattern: /Fetching \d+ files:\s+(\d{1,3})%/g },
  { step: LOADING, pattern: /shards:\s+(\d{1,3})% Completed/g },
  { step: LOADING, pattern: /loaded\s+(\d{1,3})% model tensors/g },
  { step: "capturing CUDA graphs", pattern: /Capturing (?:CUDA graphs|batches)[^\n\r%]{0,100}?\s(\d{1,3})%/gi },
];

/** The newest progress that the end of a log tells; undefined when it tells none. */
export function progressIn(log: string): Step | undefined {
  let newest: { at: number; told: Step } | undefined;
  for (const { step, pattern } of TOLD) {
    for (const match of log.matchAll(pattern)) {
      const percent = Number(match[1]);
      if (percent <= 100 && match.index >= (newest?.at ?? 0)) newest = { at: match.index, told: { step, percent } };
    }
  }
  return newest?.told;
}
