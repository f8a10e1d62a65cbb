import { readdirSync, readFileSync } from "node:fs";

/** An engine has a handful of workers for each GPU; a tree with more processes is read no further. */
const MAX_PROCESSES = 256;

/** A process and all that descend from it, as Linux knows them; only itself elsewhere. */
export function processTree(pid: number): number[] {
  const tree = [pid];
  for (const parent of tree) {
    if (tree.length >= MAX_PROCESSES) break;
    tree.push(...childrenOf(parent));
  }
  return tree;
}

function childrenOf(pid: number): number[] {
  const directory = `/proc/${pid}/task`;
  try {
    return readdirSync(directory).flatMap((thread) =>
      readFileSync(`${directory}/${thread}/children`, "latin1")
        .split(" ")
        .filter((child) => child !== "")
        .map(Number),
    );
  } catch {
    // It is gone, or this is no Linux.
    return [];
  }
}
