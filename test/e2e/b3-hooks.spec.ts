import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

const ORDER = ['first', 'second', 'third', 'added', 'added later'];

/** B3: shutdown hooks of gateways. */
describe('shutdown hooks', () => {
  it('run after FINACK, in order of registration, and reach all clients', async () => {
    const deployment = await Deployment.start({
      E2E_GATEWAYS: 'hooks',
      E2E_HOOKS: 'first=waits,added=waits',
    });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const clients = await Promise.all([1, 2, 3].map(() => connect(deployment.url('/hooks'))));
    const other = await connect(deployment.url('/hooks/other'));
    await deployment.join(b);

    const draining = a.drain();
    await a.seen('hook', { hook: 'first' });
    expect(await deployment.statsOf(a)).toMatchObject({ draining: true, connections: 4 });
    // The others wait for it.
    expect(a.eventsOf('hook').length).toBe(1);
    await a.open('hook');
    expect(await draining).toEqual(drained(4));
    const reports = a.events.filter(({ event }) => event.startsWith('hook'));
    expect(reports.map(({ event, hook }) => `${event} ${hook}`)).toEqual(
      ORDER.flatMap((hook) => [`hook ${hook}`, `hook done ${hook}`]),
    );
    expect(a.eventsOf('hook').map((it) => it.clients)).toEqual([3, 3, 1, 3, 3]);
    for (const client of [...clients, other]) {
      // What the hooks sent arrived before the client moved, nothing is left of it.
      expect(await client.ask('echo', 0)).toMatchObject({ event: 'broadcast' });
      await client.next(({ text }) => text.includes('"echo"'));
    }
    const broadcasts = ['second', 'added', 'added later'].map((data) => ({
      event: 'broadcast',
      data: { server: 'a', data },
    }));
    for (const client of clients) {
      expect(client.inbox.map(({ json }) => json)).toEqual(broadcasts);
    }
    expect(other.inbox).toEqual([]);
  });

  it('keep no later stage from running when one throws and one never ends', async () => {
    const deployment = await Deployment.start({
      E2E_GATEWAYS: 'hooks',
      E2E_HOOKS: 'first=throws,added=hangs',
      MIGRATION_SHUTDOWN_TIMEOUT_MS: '3000',
    });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/hooks'));
    await deployment.join(b);
    const result = await a.drain();
    expect(result).toEqual(drained(1, {}, 2));
    expect(result.durationMs).toBeLessThan(3000);
    expect(a.eventsOf('hook').map(({ hook }) => hook)).toEqual(ORDER);
    expect(a.output).toContain('A shutdown hook of FirstHooksGateway failed');
    expect(a.output).toContain('hook first failed');
    expect(a.output).toContain('A shutdown hook of FirstHooksGateway did not end in its time');
    client.emit('who');
    const answer = await client.next(({ text }) => text.includes('"who"'));
    expect(answer.json).toMatchObject({ data: { server: 'b' } });
    // The hook that hangs does not keep the process.
    expect(await a.exited).toEqual({ code: 0, signal: null });
  });
});
