import type { Driver, Instance, Target } from "./driver.ts";

/**
 * An endpoint that somebody else runs. There is nothing to start or stop: deploying means to wait until it answers,
 * stopping to look no longer. As the server does not own the process, an endpoint that becomes unreachable is not
 * failed: it stays `running` with health `unhealthy`, and is healthy again as soon as it answers.
 *
 * Arguments, environment and limits are kept with the deployment and have no effect here.
 */
export const external: Driver = {
  kind: "external",
  unavailable: () => null,
  check({ host, port }) {
    const errors = [];
    if (port === null) {
      errors.push({ field: "port", message: "is needed for runtime external: where the endpoint listens" });
    }
    if (!URL.canParse(`http://${host.includes(":") ? `[${host}]` : host}`)) {
      errors.push({ field: "host", message: "must be a host name or an IP address, without port" });
    }
    return errors;
  },
  start: attach,
  adopt: attach,
  sweep: async () => {},
};

function attach({ deploymentId, host, port }: Target): Instance {
  if (port === null) throw new Error(`${deploymentId} is external and has no port`);
  return {
    host,
    port,
    ended: new Promise(() => {}),
    stop: () => undefined,
    release: () => {},
  };
}
