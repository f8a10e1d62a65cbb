import { bunHost } from "../../src/host/bun.ts";
import { topicAdapter } from "../../src/realtime/topic-adapter.ts";
import { serveSockets } from "./socket-server.ts";

const host = bunHost();
await serveSockets(host, { adapter: topicAdapter({ topics: host.topics, sessions: undefined, compress: false }) });
