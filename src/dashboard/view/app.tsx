import type { Scope } from "../../contract/index.ts";
import { ActivityFeed } from "./activity-feed.tsx";
import { AlertStrip } from "./alert-strip.tsx";
import { Announcer } from "./announcer.tsx";
import { ConnectionPill } from "./connection-pill.tsx";
import { Deployments } from "./deployments.tsx";
import { Footer } from "./footer.tsx";
import { Gpus } from "./gpus.tsx";
import { usePage } from "./page-context.ts";
import { RangeSwitch } from "./range-switch.tsx";
import { Resources } from "./resources.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { TokenForm } from "./token-form.tsx";
import { Unseen } from "./unseen.tsx";

export function App() {
  const { status } = usePage();
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <header class="top">
        <div class="brand">
          <Mark />
          <h1>LLM Manager</h1>
        </div>
        <ConnectionPill />
        <nav class="top-nav" aria-label="Site">
          <a href="/docs">Docs</a>
          <ThemeToggle />
        </nav>
      </header>
      <main id="main" tabIndex={-1} data-link={status.value}>
        {status.value === "unauthorized" ? <TokenForm /> : <Overview />}
      </main>
      <Footer />
      <Announcer />
    </>
  );
}

/** What this user may see; all of it until the server has said who they are. */
function Overview() {
  const { caller } = usePage();
  const may = (scope: Scope) => caller.value?.scopes.includes(scope) ?? true;
  return (
    <>
      <Unseen />
      {may("read:alerts") && <AlertStrip />}
      {may("read:resources") && (
        <>
          <RangeSwitch />
          <Resources />
          <Gpus />
        </>
      )}
      <div class="columns">
        {may("read:deployments") && <Deployments />}
        {may("read:activities") && <ActivityFeed />}
      </div>
    </>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect class="mark-ground" width="32" height="32" rx="8" />
      <path class="mark-line" d="M6.5 17.5h4l3-8 5 14 3-8.5h4" />
    </svg>
  );
}
