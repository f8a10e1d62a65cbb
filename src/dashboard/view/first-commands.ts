/** An example that a reader replaces: what llama-server, vLLM and most engines listen on is close to 8000. */
const EXAMPLE = { model: "llama2-7b", name: "Llama 2 7B", source: "huggingface", port: 8000 };

/** Where the command line looks when it is told nothing else. */
const DEFAULT_ORIGIN = "http://127.0.0.1:5000";

/** The first deployment with llm-manager's own command line, which takes the token from `AUTH_TOKEN`. */
export function terminalCommands(origin: string): string {
  const url = origin === DEFAULT_ORIGIN ? "" : ` --url ${origin}`;
  return [
    `llm-manager models add ${EXAMPLE.model} --source ${EXAMPLE.source}${url}`,
    `llm-manager deployments create ${EXAMPLE.model} --runtime external --port ${EXAMPLE.port}${url}`,
  ].join("\n");
}

/** The same with curl. The token itself is never put on the page. */
export function curlCommands(origin: string, withToken: boolean): string {
  const token = withToken ? ` \\\n  -H "authorization: Bearer $AUTH_TOKEN"` : "";
  const post = (path: string, body: Readonly<Record<string, string | number>>) =>
    `curl ${origin}/api/v1/${path}${token} \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`;
  return [
    post("models", { model_id: EXAMPLE.model, name: EXAMPLE.name, model_source: EXAMPLE.source }),
    post("deployments", { model_id: EXAMPLE.model, runtime: "external", port: EXAMPLE.port }),
  ].join("\n");
}
