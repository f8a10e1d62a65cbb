/** One line of a container, or a part of a line that is too long for one, with the time that the Engine gave it. */
export interface LogFrame {
  readonly stream: "stdout" | "stderr";
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly bytes: Uint8Array;
  /** The line goes on in the next frame of the same stream. */
  readonly partial: boolean;
}

const HEADER = 8;
const STDERR = 2;
const SPACE = 0x20;
const NEWLINE = 0x0a;
/** Docker cuts lines at 16 KiB; what is much longer is no log of this kind. */
const LIMIT = 1024 * 1024;

/**
 * Reads the Engine's log format, which puts the output streams into one: a header (which stream, three zeros, the length as
 * four bytes, the highest first), a timestamp, a space and the line. A part of a long line has no newline at its end.
 *
 * https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export class LogFrames {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The frames that are whole with `chunk`.
   *
   * @throws Error when it is not in this format.
   */
  *read(chunk: Uint8Array): Generator<LogFrame> {
    let buffer = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    while (buffer.length >= HEADER) {
      const length = buffer.readUInt32BE(4);
      if (length > LIMIT) throw new Error(`a frame of ${length} bytes is no line of a log`);
      if (buffer.length < HEADER + length) break;
      yield frameOf(buffer[0] === STDERR ? "stderr" : "stdout", buffer.subarray(HEADER, HEADER + length));
      buffer = buffer.subarray(HEADER + length);
    }
    this.#rest = buffer;
  }
}

function frameOf(stream: LogFrame["stream"], content: Buffer): LogFrame {
  const space = content.indexOf(SPACE);
  const time = Date.parse(content.toString("latin1", 0, Math.max(space, 0)));
  if (Number.isNaN(time)) throw new Error("a line of the log has no time");
  const partial = content.at(-1) !== NEWLINE;
  return { stream, time, bytes: content.subarray(space + 1, partial ? undefined : -1), partial };
}
