import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createApi } from "../../src/client/api.ts";
import { serverProcess } from "../server-process.ts";
import { tempDir } from "../temp-dir.ts";
import { runCli } from "./cli-process.ts";

test("an alert is listed, acknowledged, silenced and closed from the command line, and its rule is changed", async () => {
  using dir = tempDir();
  const file = join(dir.path, "config.toml");
  // Any use of memory is one too many.
  writeFileSync(file, "[alerts.rules.memory]\nwarning = 0\ncritical = 100\nhysteresis = 0\n");
  await using server = await serverProcess({ env: { CONFIG_FILE: file, GPU: "off" } });
  const cli = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["alerts", ...args], { LLM_MANAGER_URL: server.url });
    if (code !== 0) throw new Error(`alerts ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const api = createApi(server.url);
  let found: string | undefined;
  while (found === undefined) {
    const { items } = await api.alerts.list({ type: "memory_threshold" });
    found = items[0]?.alert_id;
    if (found === undefined) await Bun.sleep(100);
  }
  const id = found;

  expect(await cli("list", "--type", "memory_threshold", "--state", "firing")).toMatch(
    new RegExp(
      `^ID +STATE +SEVERITY +RESOURCE +SINCE +MESSAGE\n${id} +firing +warning +memory +\\d+s ago +Memory usage`,
    ),
  );
  expect(await cli("ack", id, "--comment", "a build")).toMatch(/^Acknowledged alert_\d+: Memory usage reached /);
  const silenced = await cli("silence", "--key", "mem*", "--for", "30m", "--comment", "maintenance");
  const silence = /unsilence (sil-\d+)\n$/.exec(silenced)?.[1] ?? "";
  expect(await cli("silences")).toMatch(new RegExp(`${silence} +\\S+Z +mem\\* .* maintenance\n$`));
  const shown = await cli("get", id);
  expect(shown).toMatch(/state +acknowledged \(silenced\)\n/);
  expect(shown).toMatch(/acknowledged +\S+Z: a build\n/);
  expect(await cli("unsilence", silence)).toBe(`Ended ${silence}.\n`);
  expect(await cli("silences")).toBe("Nothing is silenced.\n");
  expect(await cli("resolve", id)).toBe(`Closed ${id}.\n`);
  expect(await cli("list", "--state", "firing", "--type", "memory_threshold")).toBe("No alerts.\n");

  const changed = await cli("rule", "memory", "--warning", "99.5", "--for", "60", "--auto-resolve", "off");
  expect(changed).toMatch(/memory +yes +99\.5% +100% +0% +60s +0s +by hand +warning, for_seconds, auto_resolve\n$/);
  const back = ["--warning", "default", "--for", "default", "--auto-resolve", "default"];
  expect(await cli("rule", "memory", ...back)).toMatch(/memory +yes +0% +100% +0% +0s +0s +by itself +–\n$/);
  expect(await cli("rules")).toMatch(/\ndisk_full +yes +8h +1h +40h +300s +300s /);
}, 60_000);

test.each([
  [["alerts", "silence", "--key", "*"], "give one of --for and --until"],
  [["alerts", "silence", "--key", "*", "--for", "soon"], "It must look like 30m, 8h or 2d."],
  [["alerts", "rule", "memory"], "give at least one thing to change"],
  [["alerts", "rule", "memroy", "--warning", "1"], "there is no rule memroy; there are cpu, memory, "],
  [["alerts", "rule", "memory", "--enabled", "maybe"], "It must be on, off or default."],
])("%j is a wrong call: exit code 2 and what is wrong", async (args, message) => {
  const { code, stdout, stderr } = await runCli(args);
  expect(stderr).toContain(message);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});
