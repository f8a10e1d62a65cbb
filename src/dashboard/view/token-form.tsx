import { useSignal } from "@preact/signals";
import type { TargetedSubmitEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { createApi } from "../../client/index.ts";
import type { SignInMethods } from "../../contract/index.ts";
import { usePage } from "./page-context.ts";

/** Asks who this is when the server wants to know. */
export function TokenForm() {
  const { refusal, signIn } = usePage();
  const busy = useSignal(false);
  const provider = useSignal<SignInMethods["oidc"]>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    const gone = new AbortController();
    createApi(location.origin, { signal: gone.signal })
      .session.methods()
      .then(
        ({ oidc }) => {
          provider.value = oidc;
        },
        // Without an answer there is the token, which is always there.
        () => undefined,
      );
    return () => gone.abort();
  }, []);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (token === "" || busy.value) return;
    busy.value = true;
    await signIn(token);
    busy.value = false;
  };
  return (
    <form class="card token-form" onSubmit={submit} aria-labelledby="token-title">
      <h2 id="token-title">This server needs a token</h2>
      <p id="token-help" class="detail">
        It is the value of <code>AUTH_TOKEN</code>, or the one the server printed when it was first started. This page
        does not keep it: you stay signed in by a cookie until you sign out or close the browser.
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
        aria-describedby={refusal.value ? "token-error token-help" : "token-help"}
        aria-invalid={refusal.value !== undefined}
      />
      {refusal.value !== undefined && (
        <p id="token-error" class="form-error" role="alert">
          {refusal.value}
        </p>
      )}
      <button type="submit" class="button button-primary">
        Sign in
      </button>
      {provider.value && (
        <p>
          or <a href={provider.value.url}>sign in with {provider.value.name}</a>
        </p>
      )}
    </form>
  );
}
