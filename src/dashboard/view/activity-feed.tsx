import type { Activity } from "../../contract/index.ts";
import { words } from "../format.ts";
import { Age } from "./ages.tsx";
import { EmptyState } from "./empty-state.tsx";
import { usePage } from "./page-context.ts";

/** What happened, newest first. Messages and ids are other people's text: they are only ever set as text. */
export function ActivityFeed() {
  const feed = usePage().feed.value;
  return (
    <section class="panel activity" aria-labelledby="activity-title">
      <header class="panel-head">
        <h2 id="activity-title">Activity</h2>
      </header>
      {feed?.length === 0 && (
        <EmptyState title="Nothing happened yet">
          <p>Deployments, health changes, alerts and what people do appear here the moment they happen.</p>
        </EmptyState>
      )}
      {feed !== undefined && feed.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable to scroll it by keyboard.
        <ol class="feed" tabIndex={0} aria-labelledby="activity-title">
          {feed.map((activity) => (
            <FeedEntry key={activity.id} activity={activity} />
          ))}
        </ol>
      )}
    </section>
  );
}

function FeedEntry({ activity }: { activity: Activity }) {
  return (
    <li class="entry" data-severity={activity.severity}>
      <span class="entry-mark" aria-hidden="true" />
      <div class="entry-body">
        <p class="entry-message">
          {activity.severity !== "info" && <span class="entry-severity">{words(activity.severity)} </span>}
          {activity.message}
        </p>
        <p class="entry-meta">
          {words(activity.activity_type)}
          {activity.resource_id !== null && ` · ${activity.resource_id}`}
        </p>
      </div>
      <Age of={activity.created_at} />
    </li>
  );
}
