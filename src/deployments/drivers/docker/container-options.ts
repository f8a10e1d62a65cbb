import type { ContainerCreateOptions, HostConfig } from "dockerode";
import type { ContainerLaunch, Launch, Limits } from "../driver.ts";

/** The Engine's own copy of the log: enough to catch up from after this server was away, and no full disk. */
const LOG = { Type: "json-file", Config: { "max-size": "20m", "max-file": "3" } };

/**
 * What the Engine is asked to create.
 *
 * @param labels what marks it as ours; see marks.ts.
 */
export function containerOptions(
  launch: Launch & { readonly image: string; readonly container: ContainerLaunch },
  labels: Readonly<Record<string, string>>,
): ContainerCreateOptions {
  const { container, limits, stop, port } = launch;
  const { publish, entrypoint, user } = container;
  const inside = publish && `${publish.inside}/tcp`;
  return {
    Image: launch.image,
    Cmd: [...launch.argv],
    // An empty list would keep the image's own.
    ...(entrypoint && { Entrypoint: entrypoint.length === 0 ? [""] : [...entrypoint] }),
    Env: Object.entries(launch.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...labels },
    ...(launch.workingDirectory !== null && { WorkingDir: launch.workingDirectory }),
    ...(user !== null && { User: user }),
    StopSignal: stop.signal,
    StopTimeout: Math.ceil(stop.graceMs / 1000),
    ...(inside !== null && { ExposedPorts: { [inside]: {} } }),
    HostConfig: {
      NetworkMode: container.network,
      ...(publish &&
        inside !== null && { PortBindings: { [inside]: [{ HostIp: publish.address, HostPort: String(port) }] } }),
      ...limitsOf(limits),
      Mounts: container.mounts.map(({ source, target, readOnly }) => ({
        Type: "bind",
        Source: source,
        Target: target,
        ReadOnly: readOnly,
      })),
      Devices: container.devices.map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: "rwm",
      })),
      ...gpusOf(limits.gpus, container),
      ...(container.shmBytes !== null && { ShmSize: container.shmBytes }),
      LogConfig: LOG,
      // Whether it is started again is decided here, where it is also shown.
      RestartPolicy: { Name: "no" },
      SecurityOpt: ["no-new-privileges"],
    },
  };
}

function limitsOf({ cpuCores, memoryBytes }: Limits): HostConfig {
  return {
    ...(cpuCores !== null && { NanoCpus: Math.round(cpuCores * 1e9) }),
    // Without the second Docker would allow as much swap again.
    ...(memoryBytes !== null && { Memory: memoryBytes, MemorySwap: memoryBytes }),
  };
}

/** Through NVIDIA's container toolkit; other vendors' devices are files, which the recipe lists. */
function gpusOf(gpus: Limits["gpus"], { allGpus, devices }: ContainerLaunch): HostConfig {
  const Capabilities = [["gpu"]];
  if (gpus === null) return allGpus ? { DeviceRequests: [{ Count: -1, Capabilities }] } : {};
  if (gpus.length === 0 || devices.length > 0) return {};
  return { DeviceRequests: [{ DeviceIDs: gpus.map(String), Capabilities }] };
}
