import { z } from "zod";

/** What a recipe of driver `docker` says besides the image and the command, in Docker's own words and with its defaults. */

const absolute = z.string().regex(/^(?:\/|[A-Za-z]:[\\/])/, "must be an absolute path");
const NETWORK = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

const mount = z.strictObject({
  /** A file or directory of the machine that the Docker Engine runs on. */
  source: absolute,
  /** Where it is in the container. */
  target: absolute,
  read_only: z.boolean().default(true),
});

export const pullPolicies = ["missing", "always", "never"] as const;

export const containerFields = {
  /** Replaces the image's ENTRYPOINT, `command` being what follows it; an empty list takes it away, null keeps it. */
  entrypoint: z.array(z.string().max(8_192)).max(32).nullable(),
  /** `host` is this machine's own; in any other the engine listens everywhere and its port is published at `host`. */
  network: z.string().regex(NETWORK, "must be the name of a network"),
  /** Where the engine listens in the container, for images that can't be told; null: at the deployment's port. */
  container_port: z.int().min(1, "must be 1 to 65535").max(65_535, "must be 1 to 65535").nullable(),
  /** Directories for the container, such as a cache of models. A model below one of them is found there. */
  mounts: z.array(mount).max(64),
  /** Devices of this machine, such as /dev/kfd and /dev/dri for AMD. */
  devices: z.array(absolute).max(64),
  /** Whether it gets all NVIDIA devices when a deployment names none. */
  all_gpus: z.boolean(),
  /** Size of /dev/shm, which engines that share work among processes need; null leaves Docker's 64 MB. */
  shm_size: z
    .string()
    .regex(/^[0-9]+(?:\.[0-9]+)?(?:MB|GB)$/, "must look like 8GB or 512MB")
    .nullable(),
  /** Who it runs as, `1000` or `1000:1000`; null: as the image says. */
  user: z.string().min(1).max(128).nullable(),
  /** When the image is pulled before a start. */
  pull: z.enum(pullPolicies, { error: `must be ${pullPolicies.join(", ")}` }),
};

const settings = z.object(containerFields);
export type ContainerSettings = Readonly<z.infer<typeof settings>>;

/** Where a recipe says nothing else. */
export const BLANK_CONTAINER: ContainerSettings = {
  entrypoint: null,
  network: "bridge",
  container_port: null,
  mounts: [],
  devices: [],
  all_gpus: false,
  shm_size: null,
  user: null,
  pull: "missing",
};
