import { nodeHost } from "../../src/host/node.ts";
import { serveSockets } from "./socket-server.ts";

await serveSockets(nodeHost(), {});
