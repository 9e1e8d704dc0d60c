import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const LIMIT_MS = 30_000;
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'Timeout', 'Immediate'];

/** What must be the same after a storm as before it. */
export interface Snapshot {
  heapBytes: number;
  handles: Record<string, number>;
  state: string;
}

export function heapUsed(): number {
  for (let i = 0; i < 4; i++) gc();
  return process.memoryUsage().heapUsed;
}

function handles(): Record<string, number> {
  const all = process.getActiveResourcesInfo();
  return Object.fromEntries(
    WATCHED.map((name) => [name, all.filter((resource) => resource === name).length]),
  );
}

/** @param state sessions, clients, servers and so on, in a form that can be compared */
export function snapshot(state: () => unknown): Snapshot {
  return { heapBytes: heapUsed(), handles: handles(), state: JSON.stringify(state()) };
}

/**
 * Waits until all that was opened since is gone, and memory back within the bound: sockets that were
 * closed a moment ago still hold some.
 * @returns growth of the heap in bytes
 */
export async function settled(
  before: Snapshot,
  state: () => unknown,
  heapBoundBytes: number,
): Promise<number> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const now = { handles: handles(), state: JSON.stringify(state()) };
    const more = WATCHED.filter((name) => now.handles[name]! > before.handles[name]!);
    const heapGrowth = heapUsed() - before.heapBytes;
    const same = more.length === 0 && now.state === before.state;
    if (same && heapGrowth < heapBoundBytes) return heapGrowth;
    if (performance.now() > end) {
      throw new Error(`left behind: ${JSON.stringify({ before, now, heapGrowth })}`);
    }
    await sleep(200);
  }
}
