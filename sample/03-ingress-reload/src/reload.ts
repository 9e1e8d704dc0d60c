import { until } from '../../../demo/until.js';
import type { Admin, LinkView } from './admin.js';
import type { Ingress } from './ingress.js';

/** The time that the relay gets to move all links, in milliseconds. */
const DEADLINE_MS = 10_000;
const REDIAL_MS = 30_000;

/** What one reload did. */
export interface ReloadRecord {
  ingress: string;
  /** Links that the relay moved to another service connection when it was told. */
  moved: number;
  /** Links on service connections through the ingress when it was reloaded. */
  linksAtReload: number;
  /** Links that were bound to another service connection after that. */
  rebound: number;
  /** From the call of the API until the relay was ready, in milliseconds; 0 by surprise. */
  announcedMs: number;
  /** From the reload until the old workers were gone, in milliseconds. */
  reloadMs: number;
}

/**
 * One reload of an ingress: announced or not, then real, until its old workers are gone and the hub
 * servers are connected through its new ones.
 *
 * @param served waits until every client is served
 */
export async function reloadIngress(
  ingress: Ingress,
  admin: Admin,
  surprise: boolean,
  served: () => Promise<void>,
): Promise<ReloadRecord> {
  const { id } = ingress;
  const asked = performance.now();
  const moved = surprise ? 0 : await announce(id, admin);
  const announcedMs = surprise ? 0 : performance.now() - asked;
  const old = await admin.serviceConnectionsThrough(id);
  const linksAtReload = await admin.linksThrough(id);
  const before = await admin.links();
  const began = performance.now();
  await ingress.reload();
  const reloadMs = performance.now() - began;
  await redialled(id, admin, old);
  await served();
  const rebound = countRebound(before, await admin.links());
  return { ingress: id, moved, linksAtReload, rebound, announcedMs, reloadMs };
}

async function announce(id: string, admin: Admin): Promise<number> {
  const report = await admin.announceReload(id, DEADLINE_MS);
  if (report.state !== 'ready') {
    throw new Error(`${id} was not cleared in time: ${JSON.stringify(report)}`);
  }
  return report.links.moved;
}

/** Waits until none of these service connections is left, and as many others are there. */
async function redialled(id: string, admin: Admin, old: readonly string[]): Promise<void> {
  const isThere = async () => {
    const present = await admin.serviceConnectionsThrough(id);
    return present.length === old.length && present.every((it) => !old.includes(it));
  };
  if (!(await until(isThere, REDIAL_MS))) {
    throw new Error(`not every hub server is connected through ${id} again`);
  }
}

/** What a reload broke of what is promised. */
export function problemsOf(record: ReloadRecord, surprise: boolean): string[] {
  const { ingress, linksAtReload, rebound } = record;
  if (!surprise && linksAtReload > 0) {
    return [`${linksAtReload} links were still on ${ingress} when it was reloaded`];
  }
  // Who was on it is bound again, nobody else.
  return rebound === linksAtReload
    ? []
    : [`the reload of ${ingress} had ${rebound} links bound again, ${linksAtReload} were on it`];
}

/** One line, for the eye. */
export function describeReload(record: ReloadRecord): string {
  const { ingress, moved, linksAtReload, rebound, announcedMs, reloadMs } = record;
  const ahead = announcedMs > 0 ? `${moved} links moved in ${announcedMs.toFixed()} ms, ` : '';
  const real = `reloaded in ${reloadMs.toFixed()} ms with ${linksAtReload} links on it`;
  return `${ingress}: ${ahead}${real}, ${rebound} rebound`;
}

export function countRebound(before: readonly LinkView[], after: readonly LinkView[]): number {
  const epochs = new Map(before.map(({ connectionId, epoch }) => [connectionId, epoch]));
  return after.filter(({ connectionId, epoch }) => epochs.get(connectionId) !== epoch).length;
}
