import { describe, expect, test } from "bun:test";
import type { Exit } from "../../../src/deployments/drivers/docker/container-engine.ts";
import { endingOf, type Seen } from "../../../src/deployments/drivers/docker/endings.ts";
import { failureOf } from "../../../src/deployments/failures.ts";

const LINE = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB.";
const failure = (exit: Partial<Exit>, seen: Seen = "all") =>
  failureOf(endingOf({ code: 1, oom: false, error: "", finishedAt: null, ...exit }, seen, ["loading", LINE]), 8000, 0);

describe("why a container ended", () => {
  test.each([
    [{}, "all"],
    [{ code: 134 }, "all"],
    // It ended by itself, and only nobody was there.
    [{}, "server away"],
    [{}, "engine away"],
  ] as const)("is what its engine wrote last: %j, seen: %s", (exit, seen) => {
    const { class: kind, reason, last_lines } = failure(exit, seen);
    expect(kind).toBe("gpu_memory");
    expect(reason).toStartWith(`it ran out of GPU memory (${LINE}); its container `);
    expect(last_lines).toEqual(["loading", LINE]);
  });

  test.each([
    [{ code: 0 }, "stopped", "its container was stopped from outside (exit code 0)"],
    [{ code: 143 }, "stopped", "its container was ended by SIGTERM"],
    [{ code: 0 }, "engine away", "its container ended (exit code 0) while the Docker Engine was away"],
    [{ code: 143 }, "engine away", "its container ended (SIGTERM) while the Docker Engine was away"],
    [{ code: 0 }, "server away", "its container ended (exit code 0) while this server was away"],
    [{ code: 137, oom: true }, "all", "its container was killed for using too much memory (SIGKILL)"],
    [
      { code: 127, error: "could not select device driver" },
      "all",
      "its container could not be started: could not select device driver",
    ],
  ] as const)("is not what it wrote, which stays with it, when that is known: %j, seen: %s", (exit, seen, reason) => {
    expect(failure(exit, seen)).toMatchObject({ reason, last_lines: ["loading", LINE] });
  });

  test("is of a kind that programs know also when the Engine says it", () => {
    expect(failure({ oom: true, code: 137 }).class).toBe("memory");
    expect(failure({ error: "could not select device driver" }).class).toBe("gpu_missing");
    expect(failure({ error: "port is already allocated: address already in use" }).class).toBe("port_in_use");
    expect(failure({ code: 137 }).class).toBe("gpu_memory");
  });
});
