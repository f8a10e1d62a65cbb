import type { Activity } from "../contract/activities.ts";
import type { Session } from "./context.ts";
import { activityLine } from "./event-lines.ts";
import { activityNumber } from "./format.ts";
import { live, noteConnection } from "./live.ts";

type ListQuery = NonNullable<Parameters<Session["api"]["activities"]["list"]>[0]>;

export interface Following {
  readonly filter: Pick<ListQuery, "activity_type" | "severity" | "resource_type" | "resource_id">;
  readonly since: string | undefined;
  /** Begin after this activity, and not with the last ones. */
  readonly after: string | undefined;
  /** How many of the last ones to begin with; 10 unless told otherwise. */
  readonly limit: number | undefined;
}

/** Prints past activities in the order they happened, then each new one as it happens, none twice and none left out. */
export async function followActivities(session: Session, { filter, since, after, limit }: Following): Promise<void> {
  const print = (activity: Activity) => {
    if (session.json) session.output.json(activity, true);
    else session.output.print(activityLine(activity, session.output.paint));
  };
  await live(session, async (client) => {
    if (!session.json) noteConnection(client, session);
    client.on("activity_stream", ({ data }) => {
      if (fits(data, filter) && (since === undefined || Date.parse(data.created_at) >= Date.parse(since))) print(data);
    });
    if (after !== undefined) {
      await client.subscribe("activity_stream", { after });
      return;
    }
    // The place to go on from is taken first, unfiltered, so that nothing can happen in between unseen.
    const [newest] = (await session.api.activities.list({ limit: 1 })).items;
    const past = await session.api.activities.list({ ...filter, since, limit: limit ?? 10 });
    const place = newest === undefined ? 0 : activityNumber(newest);
    for (const activity of past.items.toReversed()) if (activityNumber(activity) <= place) print(activity);
    await client.subscribe("activity_stream", { after: place });
  });
}

function fits(activity: Activity, filter: Following["filter"]): boolean {
  return (
    (filter.activity_type ?? activity.activity_type) === activity.activity_type &&
    (filter.severity ?? activity.severity) === activity.severity &&
    (filter.resource_type ?? activity.resource_type) === activity.resource_type &&
    (filter.resource_id ?? activity.resource_id) === activity.resource_id
  );
}
