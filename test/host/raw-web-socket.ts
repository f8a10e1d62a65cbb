import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** A frame as it came over the wire. */
export interface Frame {
  readonly opcode: number;
  /** Whether the payload is compressed. */
  readonly compressed: boolean;
  readonly payload: Buffer;
}

const CLOSE = 8;

/**
 * A WebSocket client spoken by hand, for what libraries hide: whether frames are compressed, and not reading at all.
 */
export class RawWebSocket {
  readonly #socket: Socket;
  #buffer = Buffer.alloc(0);
  #handshake: ((head: string) => void) | undefined;
  readonly #frames: Frame[] = [];
  /** What the server gave as its reason to close. */
  closeCode: number | undefined;
  readonly #waiting: ((frame: Frame | undefined) => void)[] = [];
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(Buffer.from(chunk)));
    // A reset is an end like any other here.
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const wake of this.#waiting.splice(0)) wake(undefined);
        resolve();
      });
    });
  }

  /** Connects, over TLS when `ca` is given, and shakes hands; rejects with the status line when the server refuses. */
  static async open(
    port: number,
    target: string,
    options: { readonly deflate?: boolean; readonly ca?: string } = {},
  ): Promise<RawWebSocket> {
    const socket = options.ca
      ? connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: options.ca })
      : connect(port, "127.0.0.1");
    const client = new RawWebSocket(socket);
    const answered = new Promise<string>((resolve) => {
      client.#handshake = resolve;
    });
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `${options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""}\r\n`,
    );
    const head = await Promise.race([answered, client.closed]);
    if (!head?.startsWith("HTTP/1.1 101")) throw new Error(head?.split("\r\n", 1)[0] ?? "closed");
    return client;
  }

  /** Sends one masked text frame; payloads up to 65,535 bytes. */
  send(text: string): void {
    const payload = Buffer.from(text);
    const long = payload.length > 125;
    const head = Buffer.alloc(long ? 8 : 6);
    head[0] = 0x81;
    head[1] = 0x80 | (long ? 126 : payload.length);
    if (long) head.writeUInt16BE(payload.length, 2);
    // The mask stays zero, which leaves the payload as it is.
    this.#socket.write(Buffer.concat([head, payload]));
  }

  /** The next data frame; undefined when the connection ended instead. */
  async next(): Promise<Frame | undefined> {
    const frame = this.#frames.shift();
    if (frame) return frame.opcode === CLOSE ? undefined : frame;
    if (this.#socket.destroyed) return undefined;
    const next = await new Promise<Frame | undefined>((resolve) => this.#waiting.push(resolve));
    return next?.opcode === CLOSE ? undefined : next;
  }

  /** The next frame whose text starts with `prefix`. */
  async nextText(prefix: string): Promise<string> {
    for (;;) {
      const frame = await this.next();
      if (!frame) throw new Error(`closed while waiting for ${prefix}`);
      const text = frame.payload.toString();
      if (text.startsWith(prefix)) return text;
    }
  }

  /** Stops reading: the operating system's buffers fill up, then the server's. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    if (this.#handshake) {
      const end = this.#buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#handshake(this.#buffer.subarray(0, end).toString("latin1"));
      this.#handshake = undefined;
      this.#buffer = this.#buffer.subarray(end + 4);
    }
    let offset = 0;
    for (;;) {
      const frame = frameAt(this.#buffer, offset);
      if (!frame) break;
      offset = frame.end;
      if (frame.opcode === CLOSE && frame.payload.length >= 2) this.closeCode = frame.payload.readUInt16BE(0);
      const wake = this.#waiting.shift();
      if (wake) wake(frame);
      else this.#frames.push(frame);
    }
    this.#buffer = this.#buffer.subarray(offset);
  }
}

/** The whole frame that starts at `offset`, if it is all there. Servers do not mask. */
function frameAt(buffer: Buffer, offset: number): (Frame & { end: number }) | undefined {
  if (buffer.length < offset + 2) return undefined;
  const first = buffer.readUInt8(offset);
  const short = buffer.readUInt8(offset + 1) & 0x7f;
  const start = offset + 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
  if (buffer.length < start) return undefined;
  const size =
    short === 126
      ? buffer.readUInt16BE(offset + 2)
      : short === 127
        ? Number(buffer.readBigUInt64BE(offset + 2))
        : short;
  if (buffer.length < start + size) return undefined;
  const end = start + size;
  return { opcode: first & 0x0f, compressed: (first & 0x40) !== 0, payload: buffer.subarray(start, end), end };
}
