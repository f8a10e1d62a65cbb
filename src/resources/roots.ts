/** Where the kernel's files are; tests point them at captured copies. */
export interface Roots {
  readonly proc: string;
  readonly sys: string;
  /** Put before the mount points that /proc/self/mountinfo names. */
  readonly cgroupPrefix: string;
  /** libdrm's list of AMD's product names, which Mesa brings along. */
  readonly amdNames: string;
}

export const systemRoots: Roots = {
  proc: "/proc",
  sys: "/sys",
  cgroupPrefix: "/",
  amdNames: "/usr/share/libdrm/amdgpu.ids",
};
