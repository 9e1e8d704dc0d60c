import { readFileSync, writeFileSync } from 'node:fs';
import type { Cores } from './cores.js';

/** Connections that the kernel remembers the core of. */
const FLOWS = '65536';
const QUEUE = '/sys/class/net/lo/queues/rx-0';

/** A setting of the kernel, and the value that it is to have. */
export type Setting = readonly [file: string, value: string];

/**
 * What has each core do the TCP work for the sockets of its own processes. Otherwise the core that
 * sends on the loopback device does that of the receiver as well, which would be another machine: so
 * the servers' core has the load generator's share, which grows with the number of clients.
 * https://docs.kernel.org/networking/scaling.html#rfs-receive-flow-steering
 * @throws Error when the processes are not pinned to cores
 */
export function steeringOf({ servers, generator, notPinned }: Cores): readonly Setting[] {
  if (servers === undefined || generator === undefined) {
    throw new Error(`--steer needs processes that are pinned to cores: ${notPinned}`);
  }
  return [
    ['/proc/sys/net/core/rps_sock_flow_entries', FLOWS],
    [`${QUEUE}/rps_flow_cnt`, FLOWS],
    [`${QUEUE}/rps_cpus`, ((1 << servers) | (1 << generator)).toString(16)],
  ];
}

/**
 * Gives the settings their values.
 * @returns what gives them back those that they had
 * @throws Error that names the setting that cannot be changed; the others are as they were
 */
export function change(settings: readonly Setting[]): () => void {
  const former: Setting[] = [];
  const restore = () => {
    for (let one = former.pop(); one; one = former.pop()) writeFileSync(...one);
  };
  for (const [file, value] of settings) {
    try {
      const before = readFileSync(file, 'utf8').trim();
      writeFileSync(file, value);
      former.push([file, before]);
    } catch (error) {
      restore();
      throw new Error(`--steer needs root, and cannot set ${file}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return restore;
}
