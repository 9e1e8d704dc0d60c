import { describe, expect, it } from 'vitest';
import type { RunningServer } from '../../demo/deployment.js';
import { type Random, seededRandom } from '../../demo/random.js';
import type { ProxiedConnection } from '../support/proxied-connection.js';
import { FleetUnderFaults, sizeOf, unharmed } from './support/fleet-under-faults.js';

const clients = sizeOf('E2E_FAULTS_CLIENTS', 100);
const cuts = sizeOf('E2E_FAULTS_CUTS', 25);
const isolations = sizeOf('E2E_FAULTS_ISOLATIONS', 6);
/**
 * A silent service connection is noticed soon. That a slow machine takes a healthy one for silent does
 * no harm; that it takes a server for lost would.
 */
const variables = {
  MIGRATION_HUB_KEEP_ALIVE_MS: '150',
  MIGRATION_HUB_DEAD_AFTER_MS: '700',
  MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: '20000',
};

const kinds: ((connection: ProxiedConnection, random: Random) => void)[] = [
  (connection) => connection.reset(),
  (connection) => connection.fin(),
  // Somewhere in a frame, most likely.
  (connection, random) => connection.cutAfter(Math.floor(random() * 3000), 'up'),
  (connection) => connection.stall(),
  (connection, random) => connection.cutAfter(Math.floor(random() * 3000), 'down'),
  (connection) => connection.halfOpen('up'),
  (connection) => connection.halfOpen('down'),
];

/** No gateway saw anything, and neither did a client. */
async function expectNothingSeen(fleet: FleetUnderFaults): Promise<void> {
  const { verdict, visits, sessions, stats, failedConnects } = await fleet.end();
  expect(verdict).toMatchObject({ ...unharmed, lost: 0, repeated: 0, moves: 0 });
  expect(verdict.sent).toBeGreaterThan(0);
  expect(verdict.received).toBe(verdict.sent);
  expect([visits.length, sessions.length, failedConnects]).toEqual([clients, clients, 0]);
  expect(stats).toMatchObject({ migrations: 0, failedMigrations: {} });
  if (process.env.E2E_FAULTS_CUTS) console.log(`${clients} clients, ${verdict.sent} messages`);
}

describe('service connections that are lost while clients send and receive', () => {
  it(`one at a time, ${cuts} times: nobody notices`, async () => {
    const fleet = await FleetUnderFaults.start({ clients, variables });
    let left = cuts;
    const cutAll = async (server: RunningServer, seed: number) => {
      const random = seededRandom(seed);
      while (left > 0) {
        const kind = kinds[--left % kinds.length]!;
        await fleet.whole(server);
        // The one with the load: links stay where they are when the other one comes back.
        kind(server.proxies!.busiest!, random);
      }
      await fleet.whole(server);
    };
    await Promise.all(fleet.servers.map(cutAll));
    await expectNothingSeen(fleet);
  });

  it(`all of a server, ${isolations} times, and back within the grace: nobody notices`, async () => {
    const fleet = await FleetUnderFaults.start({ clients, variables });
    for (let times = 0; times < isolations; times++) {
      const server = fleet.servers[times % 2]!;
      await fleet.whole(server);
      await fleet.deployment.isolate(server, 50 * times);
    }
    await Promise.all(fleet.servers.map((server) => fleet.whole(server)));
    await expectNothingSeen(fleet);
  });
});
