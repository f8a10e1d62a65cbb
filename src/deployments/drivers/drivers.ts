import { type DockerDriverParts, dockerDriver } from "./docker/docker.ts";
import { dockerodeEngine } from "./docker/dockerode-engine.ts";
import type { Driver } from "./driver.ts";
import { external } from "./external.ts";
import { type ProcessDriverParts, processDriver } from "./process/process.ts";

/** Every kind of driver there is: a new one is a file beside this one and a line here. */
export function createDrivers(parts: ProcessDriverParts & DockerDriverParts): readonly Driver[] {
  return [external, processDriver(parts), dockerDriver(parts, dockerodeEngine(parts.dockerSocket))];
}
