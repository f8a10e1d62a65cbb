import { useComputed } from "@preact/signals";
import { age } from "../format.ts";
import { usePage } from "./page-context.ts";

/** How long ago the server says something happened; the exact time on hover. Only its text changes as time goes by. */
export function Age({ of }: { of: string }) {
  const { now, resources } = usePage();
  const moment = Date.parse(of);
  const text = useComputed(() => age(now.value + resources.value.clockOffset - moment));
  return (
    <time dateTime={of} title={new Date(moment).toLocaleString()}>
      {text}
    </time>
  );
}
