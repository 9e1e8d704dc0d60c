import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../conformance/support/client.js';
import { AppProcess } from './support/app-process.js';
import { FloodClient } from './support/flood-client.js';
import { RelayInTest } from './support/relay-in-test.js';
import type { Interference } from './support/relay-in-test.js';

const CLIENTS = 8;

// Two processes start first.
vi.setConfig({ testTimeout: 120_000 });
const REDIAL = { MIGRATION_HUB_RECONNECT_MAX_MS: '50' };

/** A hub server with a service connection through each of two ingresses. */
async function startHub(name: string, relay: RelayInTest): Promise<AppProcess> {
  const hub = await AppProcess.start(name, {
    MIGRATION_ROLE: 'hub',
    MIGRATION_HUB_RELAYS: `${relay.url}/a,${relay.url}/b`,
    MIGRATION_HUB_CONNECTIONS_PER_RELAY: '1',
    MIGRATION_HUB_SERVER_NAME: name,
    E2E_GATEWAYS: 'flood',
    ...REDIAL,
  });
  await eventually(() => expect(relay.serviceConnectionsOf(hub.serverId)).toBe(2));
  return hub;
}

async function startClients(relay: RelayInTest): Promise<FloodClient[]> {
  const flood = Array.from({ length: CLIENTS }, () => new FloodClient());
  for (const client of flood) relay.connect('/flood', client);
  await eventually(() => expect(flood.every(({ accepted }) => accepted)).toBe(true));
  for (const client of flood) client.start();
  return flood;
}

async function expectUnharmed(flood: FloodClient[], hubs: AppProcess[]): Promise<void> {
  const answered = flood.map((client) => client.answered);
  const pushed = flood.map((client) => client.pushed);
  await eventually(() =>
    flood.forEach((client, i) => {
      expect(client.answered).toBeGreaterThan(answered[i]!);
      expect(client.pushed).toBeGreaterThan(pushed[i]!);
    }),
  );
  for (const client of flood) client.stop();
  await eventually(() => expect(flood.every((it) => it.answered === it.sent)).toBe(true));
  expect(flood.flatMap(({ disorder }) => disorder)).toEqual([]);
  expect(flood.filter(({ closed }) => closed)).toEqual([]);
  for (const hub of hubs) {
    expect([hub.eventsOf('disorder'), hub.eventsOf('disconnect')]).toEqual([[], []]);
  }
}

/** Cuts the service connection that carries the `nth` message of this name: it is lost with it, or just arrived. */
function cutAt(name: string, when: 'lost' | 'arrived', wanted: () => boolean) {
  const cutter = { done: false, interfere: (() => 1) as Interference };
  cutter.interfere = (traffic, cut) => {
    if (cutter.done || traffic.name !== name || !wanted()) return 1;
    cutter.done = true;
    if (when === 'lost') cut();
    // Behind all that leaves in this turn.
    else setTimeout(cut, traffic.direction === 'to hub' ? 5 : 0);
    return when === 'lost' ? 0 : 1;
  };
  return cutter;
}

describe('a reroute whose service connection is lost', () => {
  it.each([
    ['MigrateConnectionRequest', 'lost'],
    ['MigrateConnectionRequest', 'arrived'],
    ['MigrateConnectionResponse', 'lost'],
    ['MigrateConnectionResponse', 'arrived'],
    ['MigrateConnectionAck', 'lost'],
    ['MigrateConnectionAck', 'arrived'],
    ['RebindConnectionResponse', 'lost'],
    ['RebindConnectionResponse', 'arrived'],
  ] as const)('when %s has %s loses, doubles and reorders nothing', async (name, when) => {
    let began = false;
    const cutter = cutAt(name, when, () => began);
    const relay = await RelayInTest.start({
      interfere: (traffic, cut) => cutter.interfere(traffic, cut),
      core: { hubReconnectGraceMs: 20_000 },
    });
    const hub = await startHub('hub', relay);
    const flood = await startClients(relay);
    began = true;
    relay.core.ingresses.reload('a', 20_000);
    await new Promise<void>((resolve) => relay.core.ingresses.whenOver('a', resolve));
    expect([cutter.done, relay.core.ingresses.get('a')!.reload!.state]).toEqual([true, 'ready']);
    await expectUnharmed(flood, [hub]);
    expect(relay.core.counters.migrations).toBe(0);
  });

  it('answers a repeated request once', async () => {
    const relay = await RelayInTest.start({
      interfere: ({ name }) => (name === 'MigrateConnectionRequest' ? 2 : 1),
    });
    const hub = await startHub('hub', relay);
    const flood = await startClients(relay);
    relay.core.ingresses.reload('a', 20_000);
    await new Promise<void>((resolve) => relay.core.ingresses.whenOver('a', resolve));
    await expectUnharmed(flood, [hub]);
    const names = relay.namesOf(hub.serverId);
    const count = (wanted: string) => names.filter((name) => name === wanted).length;
    expect(count('MigrateConnectionRequest')).toBeGreaterThan(0);
    expect(count('MigrateConnectionResponse')).toBe(count('MigrateConnectionRequest'));
    expect(relay.namesOf(hub.serverId, 'ended')).toEqual([]);
  });
});

describe('a migration whose service connection is lost', () => {
  it.each([
    ['MigrateConnectionRequest', 'lost'],
    ['MigrateConnectionRequest', 'arrived'],
    ['MigrateConnectionResponse', 'lost'],
    ['MigrateConnectionResponse', 'arrived'],
    ['OpenConnection', 'lost'],
    ['OpenConnection', 'arrived'],
    ['OpenConnectionResponse', 'lost'],
    ['OpenConnectionResponse', 'arrived'],
    ['MigrateConnectionAck', 'lost'],
    ['MigrateConnectionAck', 'arrived'],
    ['ConnectionReleased', 'lost'],
    ['ConnectionReleased', 'arrived'],
    ['CloseConnection', 'lost'],
  ] as const)('when %s has %s loses, doubles and reorders nothing', async (name, when) => {
    let began = false;
    const cutter = cutAt(name, when, () => began);
    const relay = await RelayInTest.start({
      interfere: (traffic, cut) => cutter.interfere(traffic, cut),
      core: { hubReconnectGraceMs: 20_000 },
    });
    const origin = await startHub('origin', relay);
    const flood = await startClients(relay);
    const target = await startHub('target', relay);
    began = true;
    const { migrated, closed } = await origin.drain();
    expect([cutter.done, migrated, closed]).toEqual([true, CLIENTS, {}]);
    await expectUnharmed(flood, [origin, target]);
  });
});
