import { describe, expect, it } from 'vitest';
import { connect, dial, eventually, type TestClient } from '../conformance/support/client.js';
import { once } from 'node:events';
import { Deployment, drained } from './support/deployment.js';

/** B2: from FIN on, no new client reaches a server. */
describe('a server that is offline', () => {
  it('gets no new client while clients connect all the time', async () => {
    const deployment = await Deployment.start({
      E2E_GATEWAYS: 'hooks',
      E2E_HOOKS: 'first=waits',
    });
    const [a] = await deployment.hubs('a', 'b');
    const clients: TestClient[] = [];
    const enough = new AbortController();
    const keepConnecting = async () => {
      while (!enough.signal.aborted) clients.push(await connect(deployment.url('/hooks')));
    };
    const crowd = [keepConnecting(), keepConnecting(), keepConnecting()];
    await a!.seen('connect', {}, 5);

    const draining = a!.drain();
    await a!.seen('hook', { hook: 'first' });
    const before = clients.length;
    // The first hook runs once FINACK is there; it waits until many more clients have come.
    await eventually(() => expect(clients.length).toBeGreaterThan(before + 30));
    await a!.open('hook');
    const { migrated, closed } = await draining;
    enough.abort();
    await Promise.all(crowd);

    const events = a!.events.map(({ event }) => event);
    expect(events.lastIndexOf('connect')).toBeLessThan(events.indexOf('hook'));
    expect(migrated).toBe(a!.eventsOf('connect').length);
    expect(closed).toEqual({});
    for (const client of clients) {
      client.emit('who');
      const answer = await client.next(({ text }) => text.includes('"who"'));
      expect(answer.json).toMatchObject({ data: { server: 'b' } });
    }
  });

  it('passes a client on that it was still deciding about', async () => {
    const deployment = await Deployment.start({ E2E_GATEWAYS: 'guarded' });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = dial(deployment.url('/guarded?waits'));
    await a.seen('waiting', { gate: 'decision' });
    await deployment.join(b);
    const draining = a.drain();
    await deployment.isOffline(a);
    const opened = once(client.socket, 'open');
    await a.open('decision');
    await opened;
    expect(await draining).toEqual(drained(1));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    // It was decided once: a connection that moves was let in before.
    expect(b.eventsOf('deciding')).toEqual([]);
  });
});
