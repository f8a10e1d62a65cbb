import { Command } from "./command.tsx";
import { EmptyState } from "./empty-state.tsx";
import { curlCommands, terminalCommands } from "./first-commands.ts";
import { usePage } from "./page-context.ts";

/** How to get the first deployment, as commands that work against this very server. */
export function FirstDeployment() {
  const { caller } = usePage();
  return (
    <EmptyState title="Nothing is deployed yet">
      <p>
        Name a model, then say where it runs. The runtime <code>external</code> watches an endpoint that answers
        already, such as llama-server, vLLM or Ollama.
      </p>
      <Command label="Deploy with the command line" text={terminalCommands(location.origin)} />
      <p>Or over the API:</p>
      <Command label="Deploy over the API" text={curlCommands(location.origin, caller.value?.kind === "session")} />
      <p>
        It appears here at once. <a href="/docs">The API reference</a> has every field.
      </p>
    </EmptyState>
  );
}
