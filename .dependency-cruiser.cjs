// Who may import whom (`bun run imports`). test/imports.test.ts shows for each rule that a violation is found.
//
// "Types only" is what TypeScript erases: such an import lets a part name what it is handed without being able to make,
// or reach around to, one of its own.

const NOUNS = "models|deployments|activities|alerts|resources|history|backups|notifications";

/** A value, not only a type: what stays in the program. */
const VALUE = { dependencyTypesNot: ["type-only"] };

/** Files in `from` import nothing of ours but what is listed, as values or as types. */
function only(name, from, { values = [], types = [] }, comment) {
  const path = "^(src|db|test|scripts|bench)/|^package\\.json$";
  const anything = { name, comment, from: { path: from }, to: { path, pathNot: [from, ...values, ...types] } };
  if (types.length === 0) return [anything];
  return [
    anything,
    {
      name: `${name}-types-only`,
      comment: `${comment} So it imports types of these, and no values.`,
      from: { path: from },
      to: { path: types, pathNot: [from, ...values], ...VALUE },
    },
  ];
}

const CONTRACT = "^src/contract/";
const CLOCK = "^src/clock\\.ts$";
const CONFIG = "^src/config(\\.ts$|/)";
const SHIM = "^src/deployments/drivers/process/shim\\.ts$";
const STORE = "^src/store/";
const DB = "^db/";

module.exports = {
  forbidden: [
    ...only("contract-stands-alone", "^src/contract/", {}, "Wire shapes depend on nothing of ours."),
    ...only("clock-stands-alone", CLOCK, {}, "Time is handed in everywhere, so it depends on nothing."),
    ...only(
      "config-stands-alone",
      CONFIG,
      { values: [CONTRACT] },
      "Settings are read before anything else is there; a table of the file that REST takes as well is the contract's.",
    ),
    ...only("logging-is-early", "^src/logging\\.ts$", { types: [CONFIG] }, "Logging is up before anything can fail."),
    ...only("db-stands-alone", DB, { types: [CONTRACT] }, "Tables know the contract's words, and no code."),
    ...only("store-knows-db", STORE, { values: [DB, CONTRACT, CLOCK] }, "The store keeps; what is kept is the nouns'."),
    {
      name: "noun-knows-store",
      comment: "A noun knows the contract, the store and the clock; how it is served or pushed is not its business.",
      from: { path: `^src/(${NOUNS})/` },
      to: {
        path: "^(src|test|scripts|bench)/",
        pathNot: [`^src/(${NOUNS})/`, CONTRACT, STORE, CLOCK, CONFIG],
      },
    },
    {
      name: "noun-hands-over-types",
      comment:
        "Of another noun, and of the settings, a noun knows the type; server.ts hands it the thing. " +
        "What a recipe's text means is the same for who reads the file and who carries it out.",
      from: { path: `^src/(${NOUNS})/` },
      to: { path: [`^src/(${NOUNS})/`, CONFIG], pathNot: ["^src/$1/", "^src/config/recipe\\.ts$"], ...VALUE },
    },
    ...only(
      "realtime-is-handed-nouns",
      "^src/realtime/",
      { values: [CONTRACT, CLOCK], types: [STORE, CONFIG, `^src/(${NOUNS})/`, "^src/access/", "^src/host/host\\.ts$"] },
      "Realtime hears of things through the bus and publishes through the topics it is handed.",
    ),
    ...only(
      "access-is-handed-the-store",
      "^src/access/",
      { values: [CONTRACT, CLOCK, DB], types: [STORE, CONFIG, "^src/activities/"] },
      "Access decides who may do what, and has it written into the history it is handed.",
    ),
    ...only(
      "http-is-handed-nouns",
      "^src/http/",
      {
        values: [CONTRACT, CLOCK, "^src/store/errors\\.ts$"],
        types: [STORE, CONFIG, "^src/access/", "^src/realtime/", `^src/(${NOUNS})/`],
      },
      "HTTP mounts what it is handed; the page comes in as built files.",
    ),
    ...only("host-knows-no-product", "^src/host/", {}, "A host carries any fetch handler and any Socket.IO server."),
    ...only("client-knows-the-contract", "^src/client/", { values: [CONTRACT] }, "The client is published by itself."),
    ...only(
      "page-is-a-client",
      "^src/dashboard/",
      { values: ["^src/client/"], types: [CONTRACT] },
      "The page is built for the browser: it talks to the server as any client does.",
    ),
    ...only(
      "cli-is-a-client",
      "^src/(cli/|main\\.ts$)",
      {
        values: [
          "^src/client/",
          CONFIG,
          "^src/logging\\.ts$",
          "^src/server\\.ts$",
          "^src/offline\\.ts$",
          "^src/host/own-status\\.ts$",
          "^package\\.json$",
          SHIM,
        ],
        types: [CONTRACT],
      },
      "The command line talks to the server as any client does.",
    ),
    {
      name: "only-main-is-the-shim",
      comment: "A shim is one of many and lives long: main.ts becomes it and loads nothing else of the server.",
      from: { path: "^src/", pathNot: ["^src/main\\.ts$", SHIM] },
      to: { path: SHIM, ...VALUE },
    },
    {
      name: "server-only-when-serving",
      comment: "A command that only asks a server must not load one: import it where it is started.",
      from: { path: "^src/", pathNot: "^src/server\\.ts$" },
      to: { path: "^src/server\\.ts$", dynamic: false, ...VALUE },
    },
    ...only(
      "offline-knows-the-store",
      "^src/offline\\.ts$",
      { values: [STORE] },
      "A directory without a server has only data.",
    ),
    {
      name: "offline-only-when-needed",
      comment: "A command that asks a server must not load the database: import it where a file is worked on.",
      from: { path: "^src/" },
      to: { path: "^src/offline\\.ts$", dynamic: false, ...VALUE },
    },
    {
      name: "server-is-no-command",
      comment: "server.ts wires the parts; of the page it hands on the built files, and of the command line nothing.",
      from: { path: "^src/server\\.ts$" },
      to: { path: "^src/(cli/|main\\.ts$|client/|dashboard/)", pathNot: "^src/dashboard/assets\\.generated\\.ts$" },
    },
    {
      name: "runtime-only-in-host",
      comment: "Only host/ uses a runtime's own modules, so that Bun, Deno and Node run the rest alike.",
      from: { path: "^(src|db)/", pathNot: "^src/host/" },
      to: { path: "^(bun|bun:[a-z:]+|(node:)?(http|https|http2|net|tls|cluster))$", ...VALUE },
    },
    {
      name: "product-knows-no-tests",
      comment: "What is shipped does not depend on what is not.",
      from: { path: "^(src|db)/" },
      to: { path: "^(test|scripts|bench)/" },
    },
    {
      name: "declared-dependencies",
      comment: "What is shipped uses packages that package.json names for production.",
      from: { path: "^(src|db)/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], ...VALUE },
    },
    {
      name: "no-circles",
      comment: "Two files that need each other are one file, or three.",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "no-missing-files", comment: "The import leads nowhere.", from: {}, to: { couldNotResolve: true } },
  ].map((rule) => ({ severity: "error", ...rule })),
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: ["^test/fixtures/"] },
    builtInModules: { add: ["bun", "bun:test", "bun:sqlite", "bun:ffi", "bun:jsc"] },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["bun", "import", "types", "default"] },
  },
};
