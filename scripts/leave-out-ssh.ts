import type { BunPlugin } from "bun";

/** What dockerode loads for Engines behind SSH and for building images, neither of which is done here. */
const UNUSED = /^(?:ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/;

/**
 * Leaves these out of a built program. They would be most of what a server with containers keeps in memory, and ssh2 has an
 * addon that is compiled at installation, or is not, so that it cannot be taken along.
 */
export const leaveOutSsh: BunPlugin = {
  name: "leave-out-ssh",
  setup(builder) {
    builder.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: "unused" }));
    builder.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {};", loader: "js" }));
  },
};
