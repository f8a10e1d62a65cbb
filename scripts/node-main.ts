/** Where the build for Node begins: Node 22 has no `AsyncDisposableStack`. */
import "disposablestack/auto";

await import("../src/main.ts");
