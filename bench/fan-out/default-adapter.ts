import { bunHost } from "../../src/host/bun.ts";
import { serveSockets } from "./socket-server.ts";

await serveSockets(bunHost(), {});
