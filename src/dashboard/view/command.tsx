import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Milliseconds that the button says that it worked. */
const COPIED_MS = 2_000;

/** A command to run in a terminal, with a button that copies it where the browser allows that (HTTPS or localhost). */
export function Command({ label, text }: { label: string; text: string }) {
  const copied = useSignal(false);
  useEffect(() => {
    if (!copied.value) return;
    const timer = setTimeout(() => {
      copied.value = false;
    }, COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied.value]);

  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = true;
  };
  return (
    <div class="command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: text that scrolls sideways must be reachable by keyboard. */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      {window.isSecureContext && (
        <button type="button" class="button" onClick={copy} aria-label={`Copy: ${label}`}>
          {copied.value ? "Copied" : "Copy"}
        </button>
      )}
    </div>
  );
}
