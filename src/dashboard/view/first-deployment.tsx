import { Command } from "./command.tsx";
import { EmptyState } from "./empty-state.tsx";
import { usePage } from "./page-context.ts";

/** How to get the first deployment, as commands that work against this very server. */
export function FirstDeployment() {
  const { hasToken } = usePage();
  return (
    <EmptyState title="Nothing is deployed yet">
      <p>
        Name a model, then say where it runs. The runtime <code>external</code> watches an endpoint that answers
        already, such as llama-server, vLLM or Ollama.
      </p>
      <Command label="Register a model and deploy it" text={commands(location.origin, hasToken.value)} />
      <p>
        It appears here at once. <a href="/docs">The API reference</a> has every field.
      </p>
    </EmptyState>
  );
}

function commands(origin: string, withToken: boolean): string {
  const token = withToken ? ` \\\n  -H "authorization: Bearer $AUTH_TOKEN"` : "";
  const post = (path: string, body: Record<string, string | number>) =>
    `curl ${origin}/api/v1/${path}${token} \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  return [
    post("models", { model_id: "llama2-7b", name: "Llama 2 7B", model_source: "huggingface" }),
    post("deployments", { model_id: "llama2-7b", runtime: "external", host: "localhost", port: 8000 }),
  ].join("\n\n");
}
