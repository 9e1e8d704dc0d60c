import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** Where the processes run. */
export interface Cores {
  readonly servers: number | undefined;
  readonly generator: number | undefined;
  /** Why the processes are not pinned. */
  readonly notPinned?: string;
}

/** All servers of a subject on one core, the load generator on another. */
export function chooseCores(): Cores {
  const [servers, generator] = [0, 1];
  const missing = pinningFails(servers) ?? pinningFails(generator);
  if (missing === undefined) return { servers, generator };
  return { servers: undefined, generator: undefined, notPinned: missing };
}

function pinningFails(core: number): string | undefined {
  const { error, status } = spawnSync('taskset', ['-c', String(core), 'true']);
  if (error) return 'there is no taskset';
  return status === 0 ? undefined : `core ${core} cannot be had`;
}

/** Milliseconds that a core has been busy since the machine started. */
export function busyMs(core: number): number {
  const { user, nice, sys, irq } = cpus()[core]!.times;
  return user + nice + sys + irq;
}
