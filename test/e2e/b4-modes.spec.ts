import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

/** B4: what becomes of the clients, per app and per gateway. */
describe('shutdown modes', () => {
  it('differ between the gateways of one server', async () => {
    const deployment = await Deployment.start({
      E2E_GATEWAYS: 'chat,modes',
      MIGRATION_SHUTDOWN_MODE: 'off',
      MIGRATION_SHUTDOWN_CLOSE_BATCH: '2',
    });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const open = (path: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => connect(deployment.url(path))));
    const moving = await open('/moving', 3);
    const waiting = await open('/waiting', 2);
    const closing = await open('/closing', 5);
    const byDefault = await open('/chat', 3);
    await deployment.join(b);

    const draining = a.drain();
    for (const client of [...closing, ...byDefault]) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'shutdown' });
    }
    await b.seen('connect', { path: '/moving' }, 3);
    for (const client of moving) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    }
    // Those for whom it waits are served as before, new ones go elsewhere.
    for (const client of waiting) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
    }
    const late = await connect(deployment.url('/waiting'));
    expect(await late.ask('who')).toMatchObject({ data: { server: 'b' } });
    expect(await deployment.statsOf(a)).toMatchObject({ connections: 2, serviceConnections: 2 });
    await waiting[0]!.close(1000);
    await waiting[1]!.close(4001);
    expect(await draining).toEqual(drained(3, { shutdown: 8, '1000': 1, '4001': 1 }));
    expect(b.eventsOf('connect', { path: '/closing' })).toEqual([]);
    expect(await a.exited).toEqual({ code: 0, signal: null });
  });

  it('hold for every gateway of the app: off', async () => {
    const deployment = await Deployment.start({ MIGRATION_SHUTDOWN_MODE: 'off' });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(0, { shutdown: 1 }));
    expect(await client.closed).toEqual({ code: 1012, reason: 'shutdown' });
    expect(await a.seen('disconnect')).toMatchObject([{ migration: null }]);
    expect(b.eventsOf('connect')).toEqual([]);
  });

  it('off: a client that does not answer keeps no server', async () => {
    const deployment = await Deployment.start({ MIGRATION_SHUTDOWN_MODE: 'off' });
    const [a] = await deployment.hubs('a');
    const deaf = await connect(deployment.url('/chat'));
    const client = await connect(deployment.url('/chat'));
    deaf.socket.pause();
    const result = await a!.drain();
    expect(result.durationMs).toBeLessThan(5000);
    expect(result).toEqual(drained(0, { shutdown: 1, '1006': 1 }));
    expect(await client.closed).toEqual({ code: 1012, reason: 'shutdown' });
    // The relay has sent it the close frame: it reads that when it wakes up.
    deaf.socket.resume();
    expect(await deaf.closed).toEqual({ code: 1012, reason: 'shutdown' });
  });

  it('hold for every gateway of the app: waitForClientsClose, until the deadline', async () => {
    const deployment = await Deployment.start({
      MIGRATION_SHUTDOWN_MODE: 'waitForClientsClose',
      MIGRATION_SHUTDOWN_TIMEOUT_MS: '2000',
    });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const staying = await connect(deployment.url('/chat'));
    const leaving = await connect(deployment.url('/chat'));
    await deployment.join(b);
    const draining = a.drain();
    await deployment.isOffline(a);
    await leaving.close(1000);
    const result = await draining;
    expect(result).toEqual(drained(0, { '1000': 1, deadline: 1 }));
    expect(result.durationMs).toBeGreaterThan(1990);
    expect(await staying.closed).toEqual({ code: 1012, reason: 'deadline' });
    expect(a.output).toContain('1 connections did not leave within shutdown.timeoutMs');
    expect(b.eventsOf('connect')).toEqual([]);
  });
});
