import { describe, expect, it } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

const budget = { MIGRATION_SHUTDOWN_TIMEOUT_MS: '2500' };

/** B8: what cannot be moved is closed with 1012 at the deadline and counted with its reason. */
describe('a client that cannot be moved', () => {
  it('is closed at the deadline when there is no other server: noTarget', async () => {
    const deployment = await Deployment.start(budget);
    const [a] = await deployment.hubs('a');
    const client = await connect(deployment.url('/chat'));
    const draining = a!.drain();
    await deployment.isOffline(a!);
    // It is served until then.
    expect(await client.ask('echo', 1)).toEqual({ event: 'echo', data: { server: 'a', n: 1 } });
    expect(await client.closed).toEqual({ code: 1012, reason: 'noTarget' });
    const result = await draining;
    expect(result).toEqual(drained(0, { noTarget: 1 }));
    expect(result.durationMs).toBeLessThan(2500);
    expect(await deployment.stats()).toMatchObject({
      closedAtDeadline: { noTarget: 1 },
      clients: 0,
    });
    expect(await a!.seen('disconnect')).toMatchObject([{ migration: null }]);
  });

  it('moves when a server comes before the deadline', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    const draining = a.drain();
    await deployment.isOffline(a);
    await deployment.join(b);
    expect(await draining).toEqual(drained(1));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    expect(await deployment.stats()).toMatchObject({ closedAtDeadline: {}, migrations: 1 });
  });

  it('is closed at the deadline when its handler still runs: handlerRunning', async () => {
    const deployment = await Deployment.start(budget);
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const [busy, idle] = [
      await connect(deployment.url('/chat')),
      await connect(deployment.url('/chat')),
    ];
    busy.emit('slow', 1);
    await a.seen('waiting');
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(1, { handlerRunning: 1 }));
    expect(await busy.closed).toEqual({ code: 1012, reason: 'handlerRunning' });
    expect(await idle.ask('who')).toMatchObject({ data: { server: 'b' } });
    const stats = await deployment.stats();
    expect(stats.closedAtDeadline).toEqual({ handlerRunning: 1 });
    expect(stats).toMatchObject({ clients: 1, migrations: 1 });
    expect(b.eventsOf('connect').length).toBe(1);
    // A handler that never ends does not keep the process.
    expect(await a.exited).toEqual({ code: 0, signal: null });
  });

  it('goes to another server when one refuses it', async () => {
    const deployment = await Deployment.start();
    const [a, refusing, c] = await Promise.all([
      deployment.prepare('a'),
      deployment.prepare('refusing', { E2E_REFUSE_ARRIVALS: '1' }),
      deployment.prepare('c'),
    ]);
    await deployment.join(c);
    // The one that refuses has fewer clients than the other: it is asked first.
    await connect(deployment.url('/chat'));
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    await a.seen('connect');
    await deployment.join(refusing);
    expect(await a.drain()).toEqual(drained(1));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'c' } });
    const [refused] = await refusing.seen('connect');
    expect(refused).toMatchObject({ migration: { from: a.serverId } });
    // The gateway that refused hears that the connection is not its own.
    const [gone] = await refusing.seen('disconnect');
    expect(gone).toMatchObject({ connectionId: refused!.connectionId });
    expect(gone!.migration).toMatchObject({ reason: 'rolledBack' });
    expect(refusing.exit).toBeUndefined();
    expect(await deployment.stats()).toMatchObject({ failedMigrations: {}, migrations: 1 });
  });

  it('stays with its server, which serves it until the deadline, when all others refuse it', async () => {
    const deployment = await Deployment.start(budget);
    const [a, refusing] = await Promise.all([
      deployment.prepare('a'),
      deployment.prepare('refusing', { E2E_REFUSE_ARRIVALS: '1' }),
    ]);
    await deployment.join(a);
    const client = await connect(deployment.url('/chat'));
    await deployment.join(refusing);
    const draining = a.drain();
    await refusing.seen('disconnect');
    expect(await client.ask('echo', 1)).toEqual({ event: 'echo', data: { server: 'a', n: 1 } });
    expect(await draining).toEqual(drained(0, { refused: 1 }));
    expect(await client.closed).toEqual({ code: 1012, reason: 'refused' });
    const stats = await deployment.stats();
    expect(stats).toMatchObject({ closedAtDeadline: { refused: 1 }, migrations: 0, clients: 0 });
    expect(stats.failedMigrations.refused).toBeGreaterThan(0);
    // The connection ended once: on the server that had it.
    expect(await a.seen('disconnect')).toMatchObject([{ migration: null }]);
    expect(refusing.eventsOf('disconnect', { migration: null })).toEqual([]);
    // It still takes clients that are its own.
    const own = await connect(deployment.url('/chat'));
    await eventually(async () =>
      expect(await own.ask('who')).toMatchObject({ data: { server: 'refusing' } }),
    );
  });
});
