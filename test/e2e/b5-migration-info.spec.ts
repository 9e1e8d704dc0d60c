import { describe, expect, it } from 'vitest';
import { connect } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

/** B5: gateways learn on both sides that a connection moves, and where to or from. */
describe('client.migration', () => {
  it('is set on both sides of a move and at no other time', async () => {
    const deployment = await Deployment.start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const leaving = await connect(deployment.url('/chat'));
    const moving = await connect(deployment.url('/chat'));
    const connections = await a.seen('connect', { migration: null }, 2);
    await leaving.close(1000);
    const [left] = await a.seen('disconnect');
    expect(left).toMatchObject({ migration: null });

    await deployment.join(b);
    const result = await a.drain();
    expect(result).toEqual(drained(1));
    const [arrived] = await b.seen('connect');
    expect(arrived).toMatchObject({
      migration: { from: a.serverId, reason: 'shutdown', attempt: 1 },
    });
    expect(arrived!.migration).not.toHaveProperty('to');
    const moved = connections.find((it) => it.connectionId !== left!.connectionId)!;
    expect(arrived!.connectionId).toBe(moved.connectionId);
    const [departed] = await a.seen('disconnect', { connectionId: moved.connectionId });
    expect(departed).toMatchObject({
      migration: { to: b.serverId, reason: 'shutdown', attempt: 1 },
    });
    expect(departed!.migration).not.toHaveProperty('from');

    const other = await connect(deployment.url('/chat'));
    await b.seen('connect', { migration: null });
    await other.close(1000);
    await moving.close(1000);
    const disconnects = await b.seen('disconnect', { migration: null }, 2);
    expect(disconnects.map((it) => it.connectionId)).toContain(moved.connectionId);
    // Every connect has its disconnect, and none has two.
    for (const server of [a, b]) {
      const ids = (event: string) => server.eventsOf(event).map((it) => it.connectionId);
      expect(ids('disconnect').sort()).toEqual(ids('connect').sort());
    }
  });

  it('is told to a gateway that throws, at no cost for the clients that follow', async () => {
    const deployment = await Deployment.start({ E2E_FAIL_ON_DISCONNECT: '1' });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    await deployment.join(a);
    const clients = await Promise.all([1, 2, 3].map(() => connect(deployment.url('/chat'))));
    await deployment.join(b);
    expect(await a.drain()).toEqual(drained(3));
    for (const client of clients) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    }
    expect(await a.exited).toEqual({ code: 0, signal: null });
    expect(a.eventsOf('disconnect').length).toBe(3);
    expect(a.output).toContain('Error: handleDisconnect failed');
  });
});
