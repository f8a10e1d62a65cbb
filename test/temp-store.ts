import { Store } from "../src/store/store.ts";
import { tempDir } from "./temp-dir.ts";

/** A real store on a directory of its own; a listener's error fails the test that caused it. */
export function tempStore(): Disposable & { readonly store: Store; readonly dataDir: string } {
  const dir = tempDir();
  const store = openStore(dir.path);
  return {
    store,
    dataDir: dir.path,
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}

export function openStore(dataDir: string): Store {
  return new Store({
    dataDir,
    synchronous: "normal",
    onListenerError(error) {
      throw error;
    },
  });
}
