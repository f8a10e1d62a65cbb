import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createModel, deployment } from "../../../src/contract/index.ts";
import { createFitCheck, type FitFinding } from "../../../src/deployments/fit/fit-check.ts";
import { mountDeployments } from "../../../src/deployments/routes.ts";
import { FakeClock } from "../../fake-clock.ts";
import { testApp } from "../../http/setup.ts";
import { tempDir } from "../../temp-dir.ts";
import { FakeDriver, FakeEndpoint, open } from "../setup.ts";
import { writeGguf } from "./gguf-file.ts";
import { machine } from "./machine.ts";

const GiB = 2 ** 30;

/** The API, over a machine whose memory the test sets, and a model of 4 GiB. */
function setup() {
  const dir = tempDir();
  const uri = join(dir.path, "m.gguf");
  writeGguf(uri, 4 * GiB);
  const t = testApp();
  const clock = new FakeClock();
  const state = { machine: machine(16, 4) };
  const looks: (FitFinding | undefined)[] = [];
  const room = open(t.store, clock, new FakeEndpoint(), new FakeDriver(), async (model, wanted) => {
    const finding = await createFitCheck({ resources: state.machine, clock })(model, wanted);
    looks.push(finding);
    return finding;
  });
  room.models.create(createModel.parse({ model_id: "llama2-7b", name: "LLaMA2 Chat", model_source: "local", uri }));
  mountDeployments(t.app, room.deployments);
  return {
    ...room,
    state,
    looks,
    create: (more: object) =>
      t.json("POST", "/api/v1/deployments", { model_id: "llama2-7b", runtime: "fake", ...more }),
    command: (verb: string) => t.json("POST", `/api/v1/deployments/dep-1/${verb}`, undefined),
    warned: () =>
      room.activities
        .list({ limit: 500, resource_type: "deployment" })
        .items.filter(({ severity }) => severity === "warning"),
    async [Symbol.asyncDispose]() {
      await room.deployments[Symbol.asyncDispose]();
      t[Symbol.dispose]();
      dir[Symbol.dispose]();
      expect(room.errors).toEqual([]);
    },
  };
}

describe("a model that needs more memory than is free", () => {
  test("is started with a warning, which the history has once", async () => {
    await using t = setup();
    const { status, body } = await t.create({});
    expect(status).toBe(201);
    const [warning] = deployment.parse(body).warnings;
    expect(warning).toContain("needs about 5.5 GiB with a context of 8192 tokens; free are 4.0 GiB of memory");
    expect(t.warned()).toMatchObject([
      { resource_id: "dep-1", message: `Model LLaMA2 Chat may not start: ${warning}`, extra_data: { warning } },
    ]);
    await t.clock.advance(0);
    expect(t.fake.calls).toEqual(["start dep-1"]);
  });

  test("is looked at again when it is started again, and never while it runs", async () => {
    await using t = setup();
    await t.create({});
    await t.clock.advance(0);
    await t.command("restart");
    expect(t.looks).toHaveLength(1);
    t.fake.stopped.resolve();
    await t.command("stop");
    await t.clock.advance(0);
    expect(t.deployments.get("dep-1").status).toBe("stopped");

    t.state.machine = machine(16, 8);
    expect((await t.command("start")).status).toBe(202);
    await looked(t, 2);
    expect(t.deployments.get("dep-1").warnings).toEqual([]);
    await t.command("stop");
    await t.clock.advance(0);

    t.state.machine = machine(16, 2);
    await t.command("start");
    await looked(t, 3);
    expect(t.deployments.get("dep-1").warnings).toEqual([expect.stringContaining("free are 2.0 GiB")]);
    expect(t.warned()).toHaveLength(2);
  });

  test.each(["the server has ended", "it was removed"])("is not warned of after %s", async (what) => {
    await using t = setup();
    t.state.machine = machine(16, 8);
    await t.create({});
    await t.clock.advance(0);
    t.fake.stopped.resolve();
    await t.command("stop");
    await t.clock.advance(0);
    const read = Promise.withResolvers<void>();
    const { latest, sample } = machine(16, 2);
    t.state.machine = { latest, sample: () => read.promise.then(sample) };
    expect((await t.command("start")).status).toBe(202);
    if (what === "it was removed") await t.deployments.remove("dep-1");
    else await t.deployments[Symbol.asyncDispose]();
    read.resolve();
    await looked(t, 2);
    expect(t.warned()).toEqual([]);
  });
});

describe("a model that is bigger than the machine", () => {
  test("is refused with the numbers and started by force", async () => {
    await using t = setup();
    t.state.machine = machine(4, 3);
    const { status, body } = await t.create({});
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "does_not_fit", errors: [{ field: "force" }] });
    expect(body.detail).toContain("needs about 5.5 GiB with a context of 8192 tokens; free are 3.0 GiB of memory");
    expect(t.deployments.list({ limit: 10 }).items).toEqual([]);

    const forced = await t.create({ force: true });
    expect(forced.status).toBe(201);
    expect(forced.body.warnings).toEqual([body.detail.replace(/\.$/, "")]);
    expect((await t.create({ force: "yes" })).body.errors).toMatchObject([{ field: "force" }]);
  });

  test("is no matter when somebody else runs it", async () => {
    await using t = setup();
    t.state.machine = machine(4, 3);
    const { status, body } = await t.create({ runtime: "external", port: 8000 });
    expect(status).toBe(201);
    expect(body.warnings).toEqual([]);
    expect(t.looks).toEqual([]);
  });
});

/** Reading a file takes as long as it takes. */
async function looked({ looks, clock }: { looks: readonly unknown[]; clock: FakeClock }, count: number) {
  while (looks.length < count) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(0);
}
