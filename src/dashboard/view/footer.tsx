import { usePage } from "./page-context.ts";

export function Footer() {
  const { version, hasToken, signOut } = usePage();
  return (
    <footer class="bottom">
      <p class="version">LLM Manager {version.value ?? ""}</p>
      <nav aria-label="Reference">
        <a href="/docs">API reference</a>
        <a href="/openapi.json">OpenAPI</a>
        <a href="/asyncapi.json">AsyncAPI</a>
        {hasToken.value && (
          <button type="button" class="link-button" onClick={signOut}>
            Forget token
          </button>
        )}
      </nav>
    </footer>
  );
}
