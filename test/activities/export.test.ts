import { describe, expect, test } from "bun:test";
import { exportResponse } from "../../src/activities/export.ts";
import { activity as example } from "../dashboard/examples.ts";
import { testApp } from "../http/setup.ts";

async function* lines(response: Response) {
  yield* (await response.text()).split("\n").filter((line) => line !== "");
}

describe("the export", () => {
  test("has everything that matches, oldest first, as a JSON object a line", async () => {
    using t = testApp();
    for (let i = 0; i < 1_203; i++) {
      await t.json("POST", "/api/v1/activities", { message: `number ${i}`, severity: i % 2 ? "error" : "info" });
    }
    const all = await t.request("GET", "/api/v1/activities/export");
    expect(all.headers.get("content-type")).toBe("application/x-ndjson");
    const ids: string[] = [];
    for await (const line of lines(all)) ids.push(JSON.parse(line).id);
    expect(ids).toEqual(Array.from({ length: 1_203 }, (_, i) => `act-${i + 1}`));
    const some = await t.request("GET", "/api/v1/activities/export?severity=error&q=number");
    expect(await Array.fromAsync(lines(some))).toHaveLength(601);
  }, 30_000);

  test("as CSV it has a heading, quotes what has to be, and no cell that a spreadsheet would run", async () => {
    using t = testApp();
    const messages = ['=HYPERLINK("http://x")', "+1", "-2", "@SUM(A1)", "\tx", 'a "b", c', "two\nlines", "plain"];
    for (const message of messages) await t.json("POST", "/api/v1/activities", { message, resource_id: "=1+1" });
    const response = await t.request("GET", "/api/v1/activities/export?format=csv");
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(response.headers.get("content-disposition")).toContain("activities.csv");
    const text = await response.text();
    const [head, first] = text.split("\r\n");
    expect(head).toBe("id,created_at,severity,activity_type,resource_type,resource_id,message,extra_data");
    expect(first).toStartWith(`act-1,2025-01-01T12:00:00.000Z,info,user_operation,,'=1+1,"'=HYPERLINK(""http://x"")",`);
    expect(text).toContain(",'+1,");
    expect(text).toContain(",'-2,");
    expect(text).toContain(",'@SUM(A1),");
    expect(text).toContain(',"a ""b"", c",');
    expect(text).toContain(',"two\nlines",');
  });

  test("nothing is read before somebody takes it, and nothing after they left", async () => {
    let read = 0;
    function* pages() {
      for (;;) {
        read++;
        yield [example(read)];
      }
    }
    const reader = exportResponse(pages(), "ndjson", () => new DisposableStack()).body?.getReader();
    await reader?.read();
    await reader?.read();
    expect(read).toBeLessThanOrEqual(4);
    await reader?.cancel();
    const after = read;
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBe(after);
  });

  test("ends when its caller may not have it any more, and is not watched longer than it lasts", async () => {
    function* pages() {
      yield [example(1)];
      yield [example(2)];
      yield [example(3)];
    }
    let end = (_why: Error) => {};
    let open = 0;
    const whileOpen = (how: typeof end) => {
      end = how;
      open++;
      return { [Symbol.dispose]: () => void open-- };
    };
    await exportResponse(pages(), "csv", whileOpen).text();
    expect(open).toBe(0);
    const cancelled = exportResponse(pages(), "ndjson", whileOpen).body?.getReader();
    await cancelled?.cancel();
    expect(open).toBe(0);
    const reader = exportResponse(pages(), "ndjson", whileOpen).body?.getReader();
    await reader?.read();
    end(new Error("revoked"));
    expect(reader?.read()).rejects.toThrow("revoked");
  });

  test.each(["format=xml", "limit=5", "since=monday", "q=%22%22", "activity_type=none"])(
    "a query that makes no sense is refused: %s",
    async (query) => {
      using t = testApp();
      expect(await t.json("GET", `/api/v1/activities/export?${query}`, undefined)).toMatchObject({
        status: 422,
        type: "application/problem+json",
      });
    },
  );

  test("of nothing is empty, with its heading as CSV", async () => {
    using t = testApp();
    expect(await (await t.request("GET", "/api/v1/activities/export")).text()).toBe("");
    expect(await (await t.request("GET", "/api/v1/activities/export?format=csv")).text()).toMatch(
      /^id,.*extra_data\r\n$/,
    );
  });
});
