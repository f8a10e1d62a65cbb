import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { type Client, type ClientState, connect, createApi } from "../../src/client/index.ts";
import { loadConfig } from "../../src/config.ts";
import { configureLogging } from "../../src/logging.ts";
import { startServer } from "../../src/server.ts";
import { tempDir } from "../temp-dir.ts";

const TIMEOUT_MS = 60_000;

/** Connections that are lost in one storm. */
const CUTS = 10;

/** A network that fails: passes bytes on between clients and a server, and cuts all connections when told. */
class FailingNetwork implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #server;

  constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connectSocket(target, "127.0.0.1");
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return address.port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.cut();
  }
}

for (const transport of ["websocket", "polling"] as const) {
  for (const recoveryMs of [0, 120_000]) {
    test(
      `every activity of a write storm arrives once and in order over a failing network (${transport}, recovery ${recoveryMs} ms)`,
      async () => {
        using dir = tempDir();
        const settings = { PORT: "0", DATA_DIR: dir.path, ALERTS: "off", LOG_LEVEL: "error", GPU: "off" };
        const config = loadConfig({ ...settings, SOCKET_RECOVERY_MS: String(recoveryMs) });
        const log = configureLogging({ level: config.logLevel, format: "json" });
        const server = await startServer({ config, log, program: [] });
        try {
          await using network = new FailingNetwork(server.port);
          const url = `http://127.0.0.1:${await network.listen()}`;
          const api = createApi(server.url);
          using client = connect(url, {
            transports: [transport],
            socket: { reconnectionDelay: 5, reconnectionDelayMax: 20 },
          });
          const received: string[] = [];
          client.on("activity_stream", ({ data }) => received.push(data.message));
          await client.subscribe("activity_stream", { after: 0 });

          let storming = true;
          let written = 0;
          const writer = async () => {
            while (storming) await api.activities.create({ message: `event ${++written}` });
          };
          const writers = Promise.all(Array.from({ length: 4 }, writer));
          for (let cut = 0; cut < CUTS; cut++) {
            // Cut until it is felt: between two polls there is nothing to cut.
            while (client.state === "connected") {
              network.cut();
              await new Promise(setImmediate);
            }
            await reached(client, "connected");
          }
          storming = false;
          await writers;
          await api.activities.create({ message: "the end" });
          if (received.at(-1) !== "the end") await arrived(client, "the end");
          expect(received).toEqual(await allMessages(api));
          expect(received.length).toBe(written + 1);
          expect(new Set(received).size).toBe(received.length);
        } finally {
          await server.stop();
        }
      },
      TIMEOUT_MS,
    );
  }
}

function reached(client: Client, state: ClientState): Promise<void> {
  if (client.state === state) return Promise.resolve();
  return new Promise((resolve) => {
    const off = client.on("state", (now) => {
      if (now !== state) return;
      off();
      resolve();
    });
  });
}

function arrived(client: Client, message: string): Promise<void> {
  return new Promise((resolve) => {
    const off = client.on("activity_stream", ({ data }) => {
      if (data.message !== message) return;
      off();
      resolve();
    });
  });
}

/** Everything in the history, in the order it happened. */
async function allMessages(api: ReturnType<typeof createApi>): Promise<string[]> {
  const messages: string[] = [];
  let before: string | undefined;
  do {
    const page = await api.activities.list({ limit: 500, ...(before !== undefined && { before }) });
    messages.push(...page.items.map(({ message }) => message));
    before = page.next ?? undefined;
  } while (before !== undefined);
  return messages.reverse();
}
