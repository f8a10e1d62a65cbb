import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { limitsOf } from "../../src/alerts/rules.ts";
import { alertRulesOf, shippedAlertRules } from "../../src/config/alert-rules.ts";
import { loadConfig } from "../../src/config.ts";
import { alertRuleName, updateAlertRule } from "../../src/contract/index.ts";
import { tempDir } from "../temp-dir.ts";

/** The configuration that a file with `text` makes. */
function configOf(text: string) {
  using dir = tempDir();
  const file = join(dir.path, "config.toml");
  writeFileSync(file, text);
  try {
    return loadConfig({ CONFIG_FILE: file });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(error.message.replace(file, "FILE"));
  }
}

test("without a file the rules are the shipped ones, which are what the project decided", () => {
  expect(loadConfig({}).alertRules).toEqual(shippedAlertRules);
  const decided = (["cpu", "memory", "disk", "gpu_usage", "gpu_memory", "gpu_temperature"] as const).map((name) => {
    const { warning, critical, hysteresis, forMs } = limitsOf(name, shippedAlertRules[name]);
    return [name, warning, critical, hysteresis, forMs / 1_000];
  });
  expect(decided).toEqual([
    ["cpu", 80, 90, 5, 10],
    ["memory", 80, 90, 5, 0],
    ["disk", 80, 90, 5, 0],
    ["gpu_usage", 80, 90, 5, 300],
    ["gpu_memory", 97, 99, 5, 300],
    ["gpu_temperature", 85, 88, 5, 0],
  ]);
});

test("a table changes what it names and nothing else", () => {
  const { alertRules, alerts } = configOf(`
    [alerts.rules.memory]
    warning = 70
    for_seconds = 30
    [alerts.rules.gpu_usage]
    enabled = false
  `);
  expect(alertRules.memory).toEqual({ ...shippedAlertRules.memory, warning: 70, for_seconds: 30 });
  expect(alertRules.gpu_usage).toEqual({ ...shippedAlertRules.gpu_usage, enabled: false });
  expect(alertRules.disk).toEqual(shippedAlertRules.disk);
  expect(alerts).toBe(true);
});

test("the setting of the same name still turns everything off", () => {
  expect(configOf('alerts = "off"').alerts).toBe(false);
  expect(() => configOf('alerts = "maybe"')).toThrow('alerts in FILE is "maybe", but it must be on or off');
});

test.each([
  ["[alerts.rules.memroy]", "FILE: alerts.rules.memroy is no rule; there are cpu, memory, disk, inodes, "],
  ["[alerts.rules.memory]\nwarn = 1", "FILE: alerts.rules.memory.warn is not known; a rule has enabled, warning, "],
  ['[alerts.rules.memory]\nwarning = "80"', "FILE: alerts.rules.memory.warning must be a number"],
  ["[alerts.rules.memory]\nwarning = -1", "FILE: alerts.rules.memory.warning must be at least 0"],
  ["[alerts.rules.memory]\nwarning = nan", "FILE: alerts.rules.memory.warning must be a number"],
  ["[alerts.rules.memory]\nfor_seconds = 1e9", "FILE: alerts.rules.memory.for_seconds must be at most 31536000"],
  ["[alerts.rules.memory]\nwarning = 95", "alerts.rules.memory.critical is 90, but it must be at least warning, 95"],
  ["[alerts.rules.disk_full]\ncritical = 9", "alerts.rules.disk_full.critical is 9, but it must be at most warning, 8"],
  ["[alerts.rule.memory]", "FILE: alerts must hold tables such as [alerts.rules.memory], or be on or off"],
  ["[alerts]\nrules = 3", "FILE: alerts must hold tables such as [alerts.rules.memory], or be on or off"],
])("%j stops the start with a line that says what is allowed", (text, message) => {
  expect(() => configOf(text)).toThrow(message);
});

test("file and API know the same rules, and the same about each", () => {
  expect<readonly string[]>(Object.keys(shippedAlertRules)).toEqual(alertRuleName.options);
  const settings = Object.keys(shippedAlertRules.memory).sort();
  expect(Object.keys(updateAlertRule.shape).sort()).toEqual(settings);
  for (const setting of settings) expect(alertRulesOf({ rules: { memory: { [setting]: [] } } })).toContain(setting);
});
