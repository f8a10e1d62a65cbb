import type { Caller } from "../access/caller.ts";
import type { LiveCallers } from "../access/live.ts";

/** Whether an answer goes on for as long as there is something to say: it then asks proxies not to hold it back. */
export function goesOn(response: Response): boolean {
  return response.headers.get("x-accel-buffering") === "no";
}

/** `response`, which ends within a second of what let its caller in. Read at the client's pace, as it is without. */
export function endingWith(response: Response, caller: Caller, live: Pick<LiveCallers, "add">): Response {
  const reader = response.body?.getReader();
  if (!reader) return response;
  let entry: Disposable | undefined;
  let over = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        entry = live.add(caller, {
          end() {
            over = true;
            controller.close();
            void reader.cancel().catch(() => {});
            entry?.[Symbol.dispose]();
          },
        });
      },
      async pull(controller) {
        const { value, done } = await reader.read();
        if (over) return;
        if (!done) return controller.enqueue(value);
        entry?.[Symbol.dispose]();
        controller.close();
      },
      cancel(reason) {
        entry?.[Symbol.dispose]();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, response);
}
