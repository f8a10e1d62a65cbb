import type { Command } from "@commander-js/extra-typings";
import type { Runtime } from "../contract/deployments.ts";
import { type Context, clientCommand, openSession } from "./context.ts";
import { ExitCode } from "./failure.ts";
import { resourceLines } from "./resources-view.ts";
import { show } from "./show.ts";
import { type Column, details, table } from "./table.ts";
import { NOTHING } from "./text.ts";

/** `runtimes`, `resources` and `status`: what there is to know about the server. */
export function addStatusCommands(program: Command, context: Context): void {
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
