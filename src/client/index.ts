/**
 * llm-manager's client: live streams over Socket.IO and the REST API, typed. It needs `socket.io-client` and nothing of
 * the server, and runs in browsers, Bun, Deno and Node.
 */
export { type Api, type ApiOptions, createApi } from "./api.ts";
export {
  Client,
  type ClientEvents,
  type ClientState,
  type ConnectOptions,
  connect,
} from "./connection.ts";
export {
  ApiError,
  ClientClosedError,
  SubscriptionRefusedError,
  UnauthorizedError,
  UnexpectedAnswerError,
  UnreachableError,
} from "./errors.ts";
export type { FollowedLog, LogLines, LogOptions } from "./log-subscriptions.ts";
export { isEventStream, type StreamEvents, streamNames } from "./streams.ts";
export type { HistoryGap } from "./subscriptions.ts";
