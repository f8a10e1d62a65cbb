import type { LoggedEvent } from "./bus.ts";

/** The kept events of one stream, which a replay reads. Ids are handed out in commit order, so `seq` orders them. */
export interface EventLog<Data = unknown> {
  /** `seq` of the newest event, 0 when there is none. */
  newest(): number;
  /** `seq` of the oldest event, 0 when there is none; only where events are deleted one day. */
  oldest?(): number;
  /** Events with a greater `seq`, in order, at most `limit`. */
  after(seq: number, limit: number): readonly LoggedEvent<Data>[];
  /** The `seq` that an id of this stream stands for, or undefined when it is not one or not known. */
  seqOf(id: string): number | undefined;
}
