import { type Command, Option } from "@commander-js/extra-typings";
import type { Alert } from "../contract/alerts.ts";
import type { Runtime } from "../contract/deployments.ts";
import { type Context, clientCommand, groupCommand, openSession } from "./context.ts";
import { ExitCode } from "./failure.ts";
import { ago, severityFormat } from "./format.ts";
import { number } from "./options.ts";
import { resourceLines } from "./resources-view.ts";
import { notePage, show } from "./show.ts";
import { type Column, details, table } from "./table.ts";
import { NOTHING } from "./text.ts";
import { alertStates, alertTypes, severities } from "./words.ts";

/** `alerts list`, `runtimes`, `resources` and `status`: what there is to know about the server. */
export function addStatusCommands(program: Command, context: Context): void {
  const alerts = groupCommand(program, "alerts", "what is wrong, and was");
  clientCommand(alerts, "list", "list alerts, newest first")
    .addOption(new Option("--state <state>", "only in this state").choices(alertStates))
    .addOption(new Option("--type <type>", "only of this type").choices(alertTypes))
    .addOption(new Option("--severity <severity>", "only of this severity").choices(severities))
    .option("--limit <count>", "at most this many (50)", number)
    .option("--before <alert-id>", "only those before this one")
    .action(async ({ state, type, severity, limit, before, ...options }) => {
      const session = openSession(options, context);
      const page = await session.api.alerts.list({ state, type, severity, limit, before });
      show(session, page, () =>
        page.items.length === 0
          ? ["No alerts."]
          : table(page.items, alertColumns, session.output.columns(), session.output.paint),
      );
      notePage(session, page, "before");
    });

  clientCommand(program, "runtimes", "list what a deployment can run on").action(async (options) => {
    const session = openSession(options, context);
    const runtimes = await session.api.runtimes();
    show(session, runtimes, () =>
      table(runtimes.items, runtimeColumns, session.output.columns(), session.output.paint),
    );
  });

  clientCommand(program, "resources", "show the machine's resources now").action(async (options) => {
    const session = openSession(options, context);
    const now = await session.api.resources();
    show(session, now, () => resourceLines(now.data, session.output.columns(), session.output.paint));
  });

  clientCommand(program, "status", "show whether the server can work, and what it does").action(async (options) => {
    const session = openSession(options, context);
    const { api, output } = session;
    const [health, models, resources, firing] = await Promise.all([
      api.ready(),
      api.modelStatus(),
      api.resources(),
      api.alerts.list({ state: "firing" }),
    ]);
    const { total_models, running_models, failed_models } = models.data;
    const value = {
      url: session.url,
      ...health,
      deployments: { total: total_models, running: running_models, failed: failed_models },
      alerts: { firing: firing.items.length },
      resources: resources.data,
    };
    show(session, value, () => [
      ...details(
        [
          ["server", `${session.url} (llm-manager ${health.version})`],
          ["state", health.status === "ok" ? "ready" : "unavailable: the database does not answer, or it is stopping"],
          ["deployments", `${total_models} (${running_models} running, ${failed_models} failed)`],
          ["alerts", `${firing.items.length}${firing.next === null ? "" : " or more"} firing`],
        ],
        output.paint,
      ),
      "",
      ...resourceLines(resources.data, output.columns(), output.paint),
    ]);
    context.end(health.status === "ok" ? ExitCode.ok : ExitCode.failure);
  });
}

const alertColumns: readonly Column<Alert>[] = [
  { title: "ID", value: ({ alert_id }) => alert_id },
  { title: "STATE", value: ({ state }) => state },
  { title: "SEVERITY", value: ({ severity }) => severity, paint: ({ severity }) => severityFormat[severity] },
  { title: "RESOURCE", value: ({ resource }) => (resource.id ? `${resource.type} ${resource.id}` : resource.type) },
  { title: "SINCE", value: ({ created_at }) => ago(created_at, Date.now()) },
  { title: "MESSAGE", value: ({ message }) => message, shrinks: true },
];

const runtimeColumns: readonly Column<Runtime>[] = [
  { title: "RUNTIME", value: ({ name }) => name },
  { title: "DRIVER", value: ({ driver }) => driver },
  {
    title: "AVAILABLE",
    value: ({ available }) => (available ? "yes" : "no"),
    paint: ({ available }) => (available ? "green" : "red"),
  },
  { title: "ABOUT", value: ({ description, reason }) => reason ?? (description || NOTHING), shrinks: true },
];
