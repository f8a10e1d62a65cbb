import type { Ending } from "../driver.ts";
import type { Exit } from "./container-engine.ts";

/** Docker, like a shell, tells of a signal as 128 and its number. */
const SIGNALS: Readonly<Record<number, string>> = {
  129: "SIGHUP",
  130: "SIGINT",
  131: "SIGQUIT",
  132: "SIGILL",
  134: "SIGABRT",
  135: "SIGBUS",
  136: "SIGFPE",
  137: "SIGKILL",
  139: "SIGSEGV",
  141: "SIGPIPE",
  143: "SIGTERM",
};

/**
 * What was seen of an end: all of it; that somebody sent a signal first, as `docker stop` and an Engine that shuts down
 * do; or that the Engine, or this server, was away at the time.
 */
export type Seen = "all" | "stopped" | "engine away" | "server away";

const AWAY = { "engine away": "the Docker Engine", "server away": "this server" } as const;

/** How a container ended. */
export function endingOf({ code, oom, error }: Exit, seen: Seen, lastLines: readonly string[]): Ending {
  const signal = SIGNALS[code] ?? null;
  const asked = seen === "stopped" || (seen !== "all" && (code === 0 || signal === "SIGTERM"));
  const outside = error !== "" || asked;
  const facts = { exitCode: signal === null ? code : null, signal, oom, lastLines, outside };
  if (error !== "") return { ...facts, ...refusal(error) };
  const how = signal === null ? `exit code ${code}` : signal;
  if (oom) {
    const hint = "Raise memory_limit, or choose a smaller model or context.";
    return { ...facts, reason: `its container was killed for using too much memory (${how})`, hint };
  }
  if (seen === "engine away" || (seen === "server away" && code === 0)) {
    const hint = "It was stopped with the machine or the Engine, which can keep containers alive (live-restore).";
    // That it ended in good order when it was told to is no sign that it was done.
    return { ...facts, exitCode: null, reason: `its container ended (${how}) while ${AWAY[seen]} was away`, hint };
  }
  if (seen === "stopped" && signal === null) {
    const hint = "Somebody stopped it with the Docker Engine, or that was shut down.";
    return { ...facts, exitCode: null, reason: `its container was stopped from outside (${how})`, hint };
  }
  const reason = signal === null ? `its container ended with ${how}` : `its container was ended by ${signal}`;
  const hint =
    signal === "SIGKILL" || signal === "SIGTERM"
      ? "Somebody stopped or killed it, the Docker Engine was shut down, or the machine ran out of memory."
      : "See its last log lines for why.";
  return { ...facts, reason, hint };
}

/** What the Engine says when it will not make or start a container, and what to do about it. */
export function refusal(message: string): Ending {
  const [, hint] = REFUSALS.find(([pattern]) => pattern.test(message)) ?? [undefined, "See the Docker Engine's log."];
  return { reason: `its container could not be started: ${message}`, hint };
}

/** In the Engine's words, of versions 20.10 to 28. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/could not select device driver/, "Install the NVIDIA Container Toolkit, or leave out gpus and all_gpus."],
  [/port is already allocated|address already in use/, "Choose another port, or stop what listens there."],
  [
    /bind source path does not exist/,
    "Check the model's uri and the runtime's mounts: the file must be on this machine.",
  ],
  [
    /executable file not found|no such file or directory|permission denied|exec format error/,
    "Check the runtime's image, entrypoint and command.",
  ],
  [/[Rr]ange of CPUs/, "Ask for no more cpu_cores than this machine has."],
  [/[Mm]inimum memory limit/, "Raise memory_limit."],
  [/network .* not found/, "Create the network, or change the runtime's network in the config file."],
];

export const REMOVED: Ending = {
  reason: "its container was removed",
  hint: "Somebody removed it with the Docker Engine; start it again to have a new one.",
};

export const NO_IMAGE: Ending = { reason: "its runtime names no image", hint: "Give it one in the config file." };

export function imageMissing(image: string, why: string): Ending {
  return {
    reason: `the image ${image} is not on this machine and could not be pulled: ${why}`,
    hint: "Check its name and the registry; pull it by hand where that needs a login: the Engine keeps it.",
  };
}

export function neverPulled(image: string): Ending {
  return {
    reason: `the image ${image} is not on this machine, and its runtime says never to pull it`,
    hint: `Load it (docker load, docker pull), or set pull = "missing" in the config file.`,
  };
}

export function nameTaken(name: string): Ending {
  return {
    reason: `the container name ${name} is taken by a container that is not this server's`,
    hint: `See what it is (docker inspect ${name}), and rename or remove it.`,
  };
}

export function engineAway(why: string): Ending {
  return { reason: `the Docker Engine could not be reached: ${why}`, hint: "Start it (systemctl start docker)." };
}
