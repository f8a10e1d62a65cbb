import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ATTACKER, attackerSocket, attackerWebSocket, frame } from "./connection.ts";
import { bodyCorpus, packetCorpus } from "./corpus.ts";
import { mutate, Random } from "./mutate.ts";

/** Packets that one connection sends before the next one takes over; most are cut off earlier. */
const PACKETS_A_CONNECTION = 40;
const CONNECTIONS_AT_A_TIME = 32;
const REQUESTS_AT_A_TIME = 16;
/** Longest wait for the server to cut off who sent it nonsense; it may as well find nothing wrong. */
const CUT_MS = 250;

/** Sends broken packets over WebSockets, one in fifty as binary or with an opcode that does not exist. */
export async function fuzzPackets(port: number, count: number, seed: number): Promise<void> {
  const [random, corpus] = [new Random(seed), packetCorpus(seed)];
  let left = count;
  const attack = async () => {
    while (left > 0) {
      const size = Math.min(PACKETS_A_CONNECTION, left);
      left -= size;
      const socket = await attackerWebSocket(port);
      if (!socket) throw new Error("the server let nobody in");
      const frames = Array.from({ length: size }, () => {
        const payload = Buffer.from(mutate(random, random.pick(corpus), corpus));
        return frame(payload, random.below(50) === 0 ? random.pick([0, 2, 3, 8, 9, 10, 15]) : 1);
      });
      socket.write(Buffer.concat(frames));
      await Promise.race([once(socket, "close"), sleep(CUT_MS)]);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS_AT_A_TIME }, attack));
}

/** Sends broken bodies to every route that takes one. @returns every status that came, and how often. */
export async function fuzzBodies(port: number, count: number, seed: number): Promise<Map<number, number>> {
  const [random, corpus] = [new Random(seed), bodyCorpus(seed)];
  const routes = await commandsOf(port);
  const statuses = new Map<number, number>();
  let left = count;
  const attack = async () => {
    while (left-- > 0) {
      const [method, path] = random.pick(routes);
      const status = await send(port, method, path, mutate(random, random.pick(corpus), corpus));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_A_TIME }, attack));
  return statuses;
}

/** Opens connections and sends half a request, a byte at a time. @returns when the server has cut all of them off. */
export async function slowLoris(port: number, count: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, () => attackerSocket(port)));
  for (const socket of sockets) socket.write("POST /api/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
  const drips = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write("x");
  }, 500);
  await Promise.all(sockets.map((socket) => (socket.destroyed ? undefined : once(socket, "close"))));
  clearInterval(drips);
}

/** Begins Engine.IO sessions and never says anything again. @returns when the server has let go of all of them. */
export async function halfOpen(port: number, count: number): Promise<void> {
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n++) {
    const socket = await attackerSocket(port);
    socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    socket.resume();
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket) => (socket.destroyed ? undefined : once(socket, "close"))));
}

/** Begins sessions as fast as it can. @returns how many the server answered, and how many of them with a refusal. */
export async function handshakeFlood(port: number, count: number): Promise<{ answered: number; refused: number }> {
  const path = "/socket.io/?EIO=4&transport=polling";
  let [left, answered, refused] = [count, 0, 0];
  const attack = async () => {
    while (left-- > 0) {
      const status = await send(port, "GET", path);
      answered++;
      if (status === 429) refused++;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_A_TIME }, attack));
  return { answered, refused };
}

/** Subscribes and unsubscribes without a pause, over and over. */
export async function subscriptionStorm(port: number, clients: number, rounds: number): Promise<void> {
  const storm = async () => {
    for (let round = 0; round < rounds; round++) {
      const socket = await attackerWebSocket(port);
      if (!socket) throw new Error("the server let nobody in");
      socket.resume();
      for (let n = 0; n < 25; n++) {
        socket.write(frame(Buffer.from('42["subscribe_all"]')));
        socket.write(frame(Buffer.from('42["unsubscribe_all"]')));
      }
      await Promise.race([once(socket, "close"), sleep(CUT_MS)]);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: clients }, storm));
}

/** Subscribes to everything and never reads. The sockets are the caller's to destroy. */
export async function neverRead(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n++) {
    const socket = await attackerWebSocket(port);
    if (!socket) throw new Error("the server let nobody in");
    socket.write(frame(Buffer.from('42["subscribe_all"]')));
    socket.pause();
    sockets.push(socket);
  }
  return sockets;
}

/** Every command of the API that takes a body, with something where its parameters are. */
async function commandsOf(port: number): Promise<[method: string, path: string][]> {
  const document = (await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method === "post" || method === "patch" || method === "put")
      // A copy of the database for each request is no test of reading bodies.
      .filter(() => !path.includes("backup"))
      .map((method): [string, string] => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "dep-1")]),
  );
}

function send(port: number, method: string, path: string, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(
      { host: "127.0.0.1", port, method, path, headers, localAddress: ATTACKER, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
