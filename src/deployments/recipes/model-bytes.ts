import { statSync } from "node:fs";
import type { Model } from "../../contract/index.ts";
import { modelReference } from "./model-reference.ts";

/** How big a model is, in bytes: as registered, else as its file is; null when neither says, as for a directory. */
export function modelBytes(model: Model): number | null {
  if (model.size_bytes !== null) return model.size_bytes;
  const { path } = modelReference(model);
  if (path === null) return null;
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat.size : null;
  } catch {
    // Not there, or not to be seen by this user: the engine says it better.
    return null;
  }
}
