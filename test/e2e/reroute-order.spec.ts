import { expect, it } from 'vitest';
import { eventually } from '../conformance/support/client.js';
import { AppProcess } from './support/app-process.js';
import { sizeOf } from './support/fleet-under-faults.js';
import { FloodClient } from './support/flood-client.js';
import { RelayInTest } from './support/relay-in-test.js';

const clients = sizeOf('E2E_REROUTE_CLIENTS', 1000);
const times = sizeOf('E2E_REROUTE_TIMES', 50);

/** A4: inbound is held and outbound paused while a link moves; nothing is lost, doubled or reordered. */
it(`${clients} links, rerouted ${times} times under load, keep every message in order`, async () => {
  const relay = await RelayInTest.start({
    core: { migrationsPerSecond: 1_000_000, stepMs: 60_000 },
  });
  const hub = await AppProcess.start('hub', {
    MIGRATION_ROLE: 'hub',
    MIGRATION_HUB_RELAYS: `${relay.url}/a,${relay.url}/b`,
    MIGRATION_HUB_CONNECTIONS_PER_RELAY: '1',
    E2E_GATEWAYS: 'flood',
  });
  await eventually(() => expect(relay.serviceConnectionsOf(hub.serverId)).toBe(2));
  const flood = Array.from({ length: clients }, () => new FloodClient());
  for (const client of flood) relay.connect('/flood', client);
  await eventually(() => expect(flood.every(({ accepted }) => accepted)).toBe(true));
  for (const client of flood) client.start();

  const { ingresses } = relay.core;
  for (let time = 0; time < times; time++) {
    const [leaving, other] = time % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
    ingresses.cancel(other!);
    ingresses.reload(leaving!, 120_000);
    await new Promise<void>((resolve) => ingresses.whenOver(leaving!, resolve));
    const { state, links } = ingresses.get(leaving!)!.reload!;
    expect([state, links.failed, links.remaining]).toEqual(['ready', {}, 0]);
  }

  const answered = flood.map((client) => client.answered);
  await eventually(() =>
    expect(flood.every((client, i) => client.answered > answered[i]!)).toBe(true),
  );
  for (const client of flood) client.stop();
  await eventually(() => expect(flood.every((it) => it.answered === it.sent)).toBe(true));
  expect(flood.flatMap(({ disorder }) => disorder)).toEqual([]);
  expect(flood.filter(({ closed }) => closed)).toEqual([]);
  expect([hub.eventsOf('disorder'), hub.eventsOf('disconnect')]).toEqual([[], []]);
  expect(hub.eventsOf('connect').length).toBe(clients);
  const { counters } = relay.core;
  // The first reload moves the links of one of the two service connections, all others all links.
  expect(counters.reroutes).toBeGreaterThan(clients * (times - 1));
  expect([counters.failedReroutes, counters.migrations]).toEqual([{}, 0]);
  expect(flood.every(({ pushed }) => pushed > 0)).toBe(true);
}, 240_000);
