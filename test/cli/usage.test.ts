import { describe, expect, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import * as words from "../../src/cli/words.ts";
import { settingsHelp } from "../../src/config.ts";
import {
  activityType,
  alertRuleName,
  alertState,
  alertType,
  deploymentStatus,
  severity,
  streamName,
} from "../../src/contract/index.ts";
import { tempDir } from "../temp-dir.ts";
import { runCli } from "./cli-process.ts";

describe("llm-manager", () => {
  test("--version prints the package's version alone", async () => {
    expect(await runCli(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  test("--help lists every command, and every setting with its default", async () => {
    const { code, stdout } = await runCli(["--help"]);
    expect(code).toBe(0);
    const commands = [
      "serve",
      "watch",
      "models",
      "deployments",
      "activities",
      "alerts",
      "runtimes",
      "resources",
      "status",
    ];
    for (const command of commands) expect(stdout).toContain(`\n  ${command} `);
    const text = stdout.replace(/\s+/g, " ");
    for (const { name, fallback } of settingsHelp) {
      expect(stdout).toContain(`\n  ${name} `);
      if (fallback !== "")
        expect(text).toMatch(new RegExp(`${name} [^(]*\\(default: ${fallback.replaceAll(".", "\\.")}\\)`));
    }
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await runCli(["serve", "--help"])).stdout).toContain("SHUTDOWN_DEADLINE_MS");
  });

  test.each([
    [["modles"], "there is no command modles"],
    [["models", "lst"], "unknown command 'lst'"],
    [["--bogus"], "unknown option '--bogus'"],
    [["models", "get"], "missing required argument 'model-id'"],
    [["models", "add", "m"], "required option '--source <word>' not specified"],
    [["models", "update", "m"], "say what to change"],
    [["deployments", "create", "m", "--runtime", "x", "--port", "http"], "It must be a number."],
    [["deployments", "create", "m", "--runtime", "x", "--env", "NAME"], "It must look like NAME=value."],
    [["deployments", "list", "--status", "dead"], "Allowed choices are pending, deploying, running, stopped, failed."],
    [["activities", "add", "x", "--data", "[1]"], "It must be a JSON object"],
    [["activities", "list", "--follow", "--until", "2026-01-01T00:00:00Z"], "--follow goes on for ever"],
    [["watch", "--streams", "weather"], 'There is no stream "weather".'],
    [["status", "--url", "localhost:5000"], "localhost:5000 is not a server's URL"],
    [["--port", "70000"], 'PORT is "70000", but it must be a whole number from 0 to 65535'],
  ])("%j is a wrong call: exit code 2 and what is wrong", async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("a setting of the environment that is wrong stops the start with one line and exit code 2", async () => {
    const { code, stderr } = await runCli(["serve"], { LOG_LEVEL: "loud" });
    expect(stderr).toBe('error: LOG_LEVEL is "loud", but it must be debug, info, warning, error\n');
    expect(code).toBe(2);
  });

  test("options win over the environment", async () => {
    const { stderr } = await runCli(["--port", "no"], { PORT: "5000" });
    expect(stderr).toStartWith('error: PORT is "no"');
    using dir = tempDir();
    const missing = await runCli(["--config", `${dir.path}/none.toml`], { CONFIG_FILE: "/dev/null" });
    expect(missing.stderr).toContain(`CONFIG_FILE ${dir.path}/none.toml cannot be read`);
  });
});

test("the words that options take are the contract's", () => {
  expect<readonly string[]>(words.severities).toEqual(severity.options);
  expect<readonly string[]>(words.activityTypes).toEqual(activityType.options);
  expect<readonly string[]>(words.alertStates).toEqual(alertState.options);
  expect<readonly string[]>(words.alertTypes).toEqual(alertType.options);
  expect<readonly string[]>(words.alertRuleNames).toEqual(alertRuleName.options);
  expect<readonly string[]>(words.deploymentStatuses).toEqual(deploymentStatus.options);
  expect(Object.keys(words.streamTitles)).toEqual(streamName.options);
});
