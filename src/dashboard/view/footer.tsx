import { usePage } from "./page-context.ts";

export function Footer() {
  const { version, caller, signOut } = usePage();
  return (
    <footer class="bottom">
      <p class="version">LLM Manager {version.value ?? ""}</p>
      <nav aria-label="Reference">
        <a href="/docs">API reference</a>
        <a href="/openapi.json">OpenAPI</a>
        <a href="/asyncapi.json">AsyncAPI</a>
        {caller.value?.kind === "session" && (
          <>
            <span class="signed-in">
              Signed in as {caller.value.name}
              {caller.value.role && ` (${caller.value.role})`}
            </span>
            <button type="button" class="link-button" onClick={() => void signOut()}>
              Sign out
            </button>
          </>
        )}
      </nav>
    </footer>
  );
}
