import { describe, test } from "bun:test";
import { bunHost } from "../../src/host/bun.ts";
import { cases } from "./cases.ts";

describe("the host for Bun", () => {
  for (const { name, run } of cases) test(name, () => run(bunHost()));
});
