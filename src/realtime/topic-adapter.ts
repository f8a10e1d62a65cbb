import type { Namespace, Socket } from "socket.io";
import { Adapter, type BroadcastOptions, type Session as RestoredSession } from "socket.io-adapter";
import type { Topics } from "../host/host.ts";
import type { SocketData } from "./io.ts";

/** A lost connection, as it is kept to be taken up again. */
export interface Session {
  readonly sid: string;
  /** Known to the client alone. */
  readonly pid: string;
  readonly rooms: string[];
  readonly data: SocketData;
}

/** Keeps lost connections and says what they missed. */
export interface SessionStore {
  save(session: Session): void;
  /**
   * The session that goes on at `offset`, once. `missedPackets` (arguments of an event each, its name first) is read
   * when the connection is let in, in the same turn in which it begins to receive what is broadcast.
   */
  take(pid: string, offset: string): (Session & { readonly missedPackets: unknown[][] }) | undefined;
}

export interface TopicAdapterParts {
  /** The host's native topics; without them this is the default adapter, except for recovery and {@link TopicAdapter.skip}. */
  readonly topics: Topics | undefined;
  /** Undefined when connections are not recovered. */
  readonly sessions: SessionStore | undefined;
  readonly compress: boolean;
}

/** What Socket.IO hands an adapter to broadcast. */
interface Packet {
  readonly type: number;
  readonly data: unknown[];
  /** Present where an acknowledgement is expected. */
  readonly id?: number;
}

/** How those in one room are reached. */
interface Audience {
  readonly topic: string;
  /** Who is reached one by one: those not on a native WebSocket. */
  readonly direct: Set<string>;
  /** Who is left out for now. */
  readonly skipped: Set<string>;
}

interface Member {
  readonly socket: Socket;
  readonly onUpgrade: () => void;
}

/** Engine.IO's prefix of a message packet. */
const MESSAGE = "4";
/** Socket.IO's packet type of an event. */
const EVENT = 2;

/** Makes the adapter for `new Server({ adapter })`; each namespace gets one of its own. */
export function topicAdapter(parts: TopicAdapterParts): typeof Adapter {
  return class extends TopicAdapter {
    constructor(nsp: Namespace) {
      super(nsp, parts);
    }
  };
}

/**
 * Mirrors rooms as the runtime's native topics, so that a broadcast to one room is encoded once and copied to its
 * members natively; those on polling get it one by one. What native topics cannot express (several rooms, exceptions,
 * binary, acknowledgements) goes the default way. Listeners of `onAnyOutgoing` do not see what went by topic.
 *
 * The room of its own that Socket.IO puts every socket in never becomes a topic.
 */
export class TopicAdapter extends Adapter {
  declare readonly nsp: Namespace;
  readonly #parts: TopicAdapterParts;
  /** Connected sockets by id. One that is still in its handshake is in rooms, but gets no broadcast. */
  readonly #members = new Map<string, Member>();
  /** Every room that has members, except sockets' own. */
  readonly #audiences = new Map<string, Audience>();
  /** Sessions being taken up, until their handshake is over. */
  readonly #restoring = new Map<string, { readonly missedPackets: unknown[][] }>();

  constructor(nsp: Namespace, parts: TopicAdapterParts) {
    super(nsp);
    this.#parts = parts;
  }

  override addAll(id: string, rooms: Set<string>): void {
    void super.addAll(id, rooms);
    const socket = this.nsp.sockets.get(id);
    if (!socket) return;
    const member = this.#members.get(id);
    if (member) {
      for (const room of rooms) this.#place(member, room);
    } else {
      this.#admit(socket);
    }
  }

  override del(id: string, room: string): void {
    this.#remove(id, room);
    void super.del(id, room);
    if (!this.rooms.has(room)) this.#audiences.delete(room);
  }

  override delAll(id: string): void {
    const rooms = this.sids.get(id) ?? [];
    for (const room of rooms) this.#remove(id, room);
    super.delAll(id);
    for (const room of rooms) if (!this.rooms.has(room)) this.#audiences.delete(room);
    const member = this.#members.get(id);
    member?.socket.conn.removeListener("upgrade", member.onUpgrade);
    this.#members.delete(id);
    this.#restoring.delete(id);
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    const [room] = opts.rooms;
    const audience = room !== undefined && opts.rooms.size === 1 ? this.#audiences.get(room) : undefined;
    if (room === undefined || !audience || opts.except?.size) {
      super.broadcast(packet, opts);
      return;
    }
    const { topics, compress } = this.#parts;
    const skipping = audience.skipped.size > 0 ? { ...opts, except: new Set(audience.skipped) } : opts;
    // In the room of a socket's own, which others may have joined, that socket is not by topic.
    const native = packet.id === undefined && !this.sids.has(room);
    if (!topics || !native) {
      super.broadcast(packet, skipping);
      return;
    }
    const encoded = this.nsp.server.encoder.encode({ ...packet, nsp: this.nsp.name });
    const [text] = encoded;
    if (typeof text !== "string" || encoded.length !== 1) {
      super.broadcast(packet, skipping);
      return;
    }
    const compressed = opts.flags?.compress !== false;
    const volatile = opts.flags?.volatile === true;
    topics.publish(audience.topic, MESSAGE + text, compress && compressed);
    for (const id of audience.direct) {
      this.#members.get(id)?.socket.client._packet(encoded, { preEncoded: true, compress: compressed, volatile });
    }
  }

  /**
   * From now on a member does not get what is broadcast to `room`, though it stays in it.
   *
   * @returns false when it is not in the room, or skipped already.
   */
  skip(id: string, room: string): boolean {
    const audience = this.#audiences.get(room);
    const member = this.#members.get(id);
    if (!audience || !member || audience.skipped.has(id) || !this.sids.get(id)?.has(room)) return false;
    audience.skipped.add(id);
    audience.direct.delete(id);
    this.#parts.topics?.unsubscribe(member.socket.conn, audience.topic);
    return true;
  }

  /** Undoes {@link skip}; @returns false when it was not skipped. */
  unskip(id: string, room: string): boolean {
    const member = this.#members.get(id);
    if (!member || !this.#audiences.get(room)?.skipped.delete(id)) return false;
    this.#place(member, room);
    return true;
  }

  override persistSession(session: Session): void {
    this.#parts.sessions?.save(session);
  }

  override async restoreSession(pid: string, offset: string): Promise<RestoredSession> {
    const session = this.#parts.sessions?.take(pid, offset);
    // The only way of saying so that the declared type leaves; Socket.IO then makes a new session.
    if (!session) throw new Error("There is no such session");
    const { sid, rooms, data } = session;
    this.#restoring.set(sid, session);
    // Socket.IO would send what was missed before its middlewares have let the client in, and lose what is broadcast
    // until they have; see #admit.
    return { sid, pid, rooms, data, missedPackets: [] };
  }

  /** The handshake is over: in one turn, sends what a recovered session missed and lets it hear what comes. */
  #admit(socket: Socket): void {
    const { id, conn } = socket;
    const member: Member = {
      socket,
      // Emitted when the WebSocket has taken over and before what was buffered is flushed to it, so what was broadcast
      // until now comes before what is published from now on.
      onUpgrade: () => this.#placeAll(member),
    };
    this.#members.set(id, member);
    if (conn.transport.name !== "websocket") conn.once("upgrade", member.onUpgrade);
    const missed = this.#restoring.get(id)?.missedPackets ?? [];
    this.#restoring.delete(id);
    for (const data of missed) socket.client._packet({ type: EVENT, nsp: this.nsp.name, data });
    this.#placeAll(member);
  }

  #placeAll(member: Member): void {
    for (const room of this.sids.get(member.socket.id) ?? []) this.#place(member, room);
  }

  /** Decides which way a member is reached in a room; also when that changes. */
  #place(member: Member, room: string): void {
    const { id, conn } = member.socket;
    if (room === id) return;
    let audience = this.#audiences.get(room);
    if (!audience) {
      audience = { topic: `${this.nsp.name}\u0001${room}`, direct: new Set(), skipped: new Set() };
      this.#audiences.set(room, audience);
    }
    if (audience.skipped.has(id)) return;
    if (this.#parts.topics?.subscribe(conn, audience.topic)) audience.direct.delete(id);
    else audience.direct.add(id);
  }

  #remove(id: string, room: string): void {
    const audience = this.#audiences.get(room);
    const member = this.#members.get(id);
    if (!audience || !member) return;
    audience.direct.delete(id);
    audience.skipped.delete(id);
    this.#parts.topics?.unsubscribe(member.socket.conn, audience.topic);
  }
}
