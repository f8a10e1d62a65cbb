import type { TargetedSubmitEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { usePage } from "./page-context.ts";

/** Asks for the access token when the server wants one. */
export function TokenForm() {
  const { tokenRefused, signIn } = usePage();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (token !== "") signIn(token);
  };
  return (
    <form class="card token-form" onSubmit={submit} aria-labelledby="token-title">
      <h2 id="token-title">This server needs a token</h2>
      <p id="token-help" class="detail">
        It is the value of <code>AUTH_TOKEN</code>, or the one the server printed when it was first started. This tab
        keeps it until it is closed.
      </p>
      <label for="token">Access token</label>
      <input
        id="token"
        name="token"
        ref={field}
        type="password"
        autocomplete="off"
        spellcheck={false}
        required
        aria-describedby={tokenRefused.value ? "token-error token-help" : "token-help"}
        aria-invalid={tokenRefused.value}
      />
      {tokenRefused.value && (
        <p id="token-error" class="form-error" role="alert">
          The server refused this token.
        </p>
      )}
      <button type="submit" class="button button-primary">
        Connect
      </button>
    </form>
  );
}
