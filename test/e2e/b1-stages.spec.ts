import { describe, expect, it } from 'vitest';
import type { Drain } from '../../lib/protocol/messages.js';
import { eventually } from '../conformance/support/client.js';
import { AppProcess } from './support/app-process.js';
import { drained } from './support/deployment.js';
import { RelayInTest } from './support/relay-in-test.js';

/** B1: offline with FIN until FINACK, hooks, clients, end of the service connections; in one budget. */
describe('the stages of a shutdown', () => {
  async function startHub(relay: RelayInTest, name: string, options: Record<string, string>) {
    const hub = await AppProcess.start(name, {
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: relay.url,
      MIGRATION_HUB_SERVER_NAME: name,
      E2E_GATEWAYS: 'hooks',
      ...options,
    });
    await eventually(() => expect(relay.serviceConnectionsOf(hub.serverId)).toBe(2));
    return hub;
  }

  it('come in order, with FIN sent again until its FINACK arrives', async () => {
    const relay = await RelayInTest.start({ lost: 2 });
    const timeoutMs = 10_000;
    const options = {
      MIGRATION_SHUTDOWN_TIMEOUT_MS: String(timeoutMs),
      MIGRATION_SHUTDOWN_FIN_INTERVAL_MS: '50',
    };
    const a = await startHub(relay, 'a', { ...options, E2E_HOOKS: 'first=waits' });
    const client = relay.connect('/hooks');
    await a.seen('connect');
    const b = await startHub(relay, 'b', options);

    const draining = a.drain();
    await a.seen('hook', { hook: 'first' });
    // Both service connections: two FINACKs lost, the third one arrived.
    const names = relay.namesOf(a.serverId);
    expect(names.filter((name) => name === 'lost FinAck').length).toBe(4);
    expect(names.filter((name) => name === 'FinAck').length).toBe(2);
    expect(names.filter((name) => name === 'Fin').length).toBe(6);
    // The server still serves, and nobody has been asked to move yet: the answer comes behind that.
    client.emit('echo', 1);
    await eventually(() => expect(client.received.length).toBe(2));
    expect(client.received.map((text) => JSON.parse(text).event)).toEqual(['broadcast', 'echo']);
    expect(relay.namesOf(a.serverId)).not.toContain('Drain');

    await a.open('hook');
    expect(await draining).toEqual(drained(1));
    await eventually(() => expect(relay.serviceConnectionsOf(a.serverId)).toBe(0));
    const after = relay.namesOf(a.serverId).slice(names.length);
    const order = ['Drain', 'MigrateConnectionRequest', 'MigrateConnectionResponse'];
    order.push('MigrateConnectionAck', 'ConnectionReleased', 'ended 1001');
    expect([...new Set(after.filter((name) => order.includes(name)))]).toEqual(order);
    expect(after.lastIndexOf('ConnectionReleased')).toBeLessThan(after.indexOf('ended 1001'));
    // One budget for all stages: the relay gets what is left of it.
    const drain = relay.traffic.find(({ name }) => name === 'Drain')!.message as Drain;
    expect(drain.deadlineMs).toBeLessThan(timeoutMs);
    expect(drain.deadlineMs).toBeGreaterThan(0);
    const [, arrived] = [await b.seen('connect'), b.eventsOf('connect')[0]!];
    expect(arrived.migration).toMatchObject({ from: a.serverId });
    expect(client.closed).toBeUndefined();
  });

  it('go on in the budget when a relay never answers FIN', async () => {
    const relay = await RelayInTest.start({ lost: Infinity });
    const options = {
      MIGRATION_SHUTDOWN_TIMEOUT_MS: '3000',
      MIGRATION_SHUTDOWN_FIN_INTERVAL_MS: '50',
    };
    const a = await startHub(relay, 'a', options);
    const client = relay.connect('/hooks');
    await a.seen('connect');
    const b = await startHub(relay, 'b', options);
    const result = await a.drain();
    expect(result).toEqual(drained(1));
    expect(result.durationMs).toBeLessThan(3000);
    expect(a.eventsOf('hook').length).toBe(5);
    expect(a.output).toContain('did not acknowledge that this server is offline');
    expect(relay.namesOf(a.serverId, 'to hub')).not.toContain('FinAck');
    await b.seen('connect', {});
    client.emit('who', null);
    await eventually(() => expect(client.received.join()).toContain('"server":"b"'));
    expect(client.closed).toBeUndefined();
  });
});
