import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Model } from "../../contract/index.ts";

/** How an engine can be told which model to load; null where the model's URI does not say so. */
export interface ModelReference {
  /** A file or directory of this machine: from `/models/a.gguf` or `file:///models/a.gguf`. */
  readonly path: string | null;
  /** A repository of the Hugging Face hub, with its quantisation if it has one: from `hf://org/name:Q4_K_M`. */
  readonly repo: string | null;
}

const REPOSITORY = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*(?::[A-Za-z0-9][\w.-]*)?$/;
const HUB = /^(?:hf|huggingface):\/\/|^https:\/\/huggingface\.co\//;

export function modelReference({ uri, model_source: source }: Pick<Model, "uri" | "model_source">): ModelReference {
  if (uri === null) return { path: null, repo: null };
  if (isAbsolute(uri)) return { path: uri, repo: null };
  if (uri.startsWith("file://")) return { path: localPath(uri), repo: null };
  const name = uri.replace(HUB, "").replace(/\/$/, "");
  const named = name !== uri || source === "huggingface";
  return { path: null, repo: named && REPOSITORY.test(name) ? name : null };
}

function localPath(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    // Of another machine, or none at all.
    return null;
  }
}
