import { useComputed } from "@preact/signals";
import type { Scope } from "../../contract/index.ts";
import { usePage } from "./page-context.ts";

/** What the page shows, by the scope it takes to see it. */
const PARTS: readonly (readonly [scope: Scope, what: string])[] = [
  ["read:resources", "resources"],
  ["read:deployments", "deployments"],
  ["read:alerts", "alerts"],
  ["read:activities", "activities"],
];

/** Says what is left out because this user may not see it, so that it is not taken for a server with nothing to tell. */
export function Unseen() {
  const { caller } = usePage();
  const unseen = useComputed(() => {
    const scopes = caller.value?.scopes;
    return scopes ? PARTS.filter(([scope]) => !scopes.includes(scope)).map(([, what]) => what) : [];
  });
  if (unseen.value.length === 0) return null;
  return <p class="unseen">You are not permitted to see: {unseen.value.join(", ")}.</p>;
}
