import type { Client } from "../client/connection.ts";
import type { StreamName } from "../contract/streams.ts";
import type { Session } from "./context.ts";
import { eventLine } from "./event-lines.ts";
import { activityNumber } from "./format.ts";
import { live, noteConnection } from "./live.ts";
import { LiveRegion } from "./live-region.ts";
import { WatchState } from "./watch-state.ts";
import { watchLines } from "./watch-view.ts";

/** Past activities to begin with on a terminal. */
const FIRST_ACTIVITIES = 20;

/**
 * Shows `streams` live until ctrl-c: on a terminal a picture that is drawn anew in place, elsewhere a line for each
 * event, with `--json` the event itself on a line.
 */
export async function watch(session: Session, streams: readonly StreamName[]): Promise<void> {
  if (session.json || !session.output.interactive)
    await live(session, (client) => printEvents(client, session, streams));
  else await watchOnTerminal(session, streams);
}

async function printEvents(client: Client, session: Session, streams: readonly StreamName[]): Promise<void> {
  const { output, json } = session;
  noteConnection(client, session);
  const print = (stream: StreamName) =>
    client.on(stream, (event) => {
      if (json) output.json(event, true);
      else output.print(eventLine(stream, event, output.paint));
    });
  for (const stream of streams) print(stream);
  await Promise.all(streams.map((stream) => client.subscribe(stream)));
}

async function watchOnTerminal(session: Session, streams: readonly StreamName[]): Promise<void> {
  const { output, url } = session;
  const state = new WatchState();
  let region: LiveRegion | undefined;
  const changed = () => region?.update();
  try {
    await live(session, async (client) => {
      follow(client, state, changed);
      const after = await readPast(session, state, streams);
      await Promise.all(
        streams.map((stream) =>
          stream === "activity_stream" ? client.subscribe(stream, { after }) : client.subscribe(stream),
        ),
      );
      if (client.state === "closed") return;
      // Only now, so that an error at the first try stands alone.
      region = new LiveRegion(output, (columns, rows) => watchLines(state, url, columns, rows, output.paint));
    });
  } finally {
    region?.[Symbol.dispose]();
  }
}

/** Keeps `state` up to date with what `client` hears. */
function follow(client: Client, state: WatchState, changed: () => void): void {
  client.on("state", (connection) => {
    state.connection = connection;
    if (connection === "connected") state.notice = undefined;
    changed();
  });
  client.on("error", ({ message }) => {
    state.notice = message;
    changed();
  });
  client.on("gap", ({ message }) => {
    state.notice = message;
    changed();
  });
  client.on("system_resources", ({ data, timestamp }) => {
    state.resources = data;
    state.updated = timestamp;
    changed();
  });
  client.on("model_status", ({ data, timestamp }) => {
    state.models = data;
    state.updated = timestamp;
    changed();
  });
  client.on("activity_stream", ({ data }) => {
    state.addActivity(data);
    changed();
  });
  client.on("system_alerts", ({ data }) => {
    state.setAlert(data);
    changed();
  });
  client.on("deployment_events", ({ data }) => {
    state.applyDeploymentEvent(data);
    changed();
  });
}

/** Reads what a picture begins with besides the streams. @returns the `seq` of the last activity it has. */
async function readPast({ api }: Session, state: WatchState, streams: readonly StreamName[]): Promise<number> {
  if (streams.includes("system_alerts")) {
    for (const open of ["acknowledged", "firing"] as const) {
      const { items } = await api.alerts.list({ state: open });
      for (const alert of items.toReversed()) state.setAlert(alert);
    }
  }
  if (!streams.includes("activity_stream")) return 0;
  const { items } = await api.activities.list({ limit: FIRST_ACTIVITIES });
  for (const activity of items.toReversed()) state.addActivity(activity);
  const newest = items[0];
  return newest === undefined ? 0 : activityNumber(newest);
}
