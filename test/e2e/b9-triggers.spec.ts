import type { DrainResult } from 'nestjs-ws-migration';
import { describe, expect, it } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import type { AppProcess } from './support/app-process.js';
import { Deployment, drained } from './support/deployment.js';

/** How an app with `app.listen()` is started: its HTTP server keeps the process after a drain. */
const LISTENING = { E2E_ONLY_INIT: '' };

/** B9: everything that starts a shutdown. */
describe('a shutdown', () => {
  let deployment: Deployment;
  let a: AppProcess;
  let client: TestClient;

  /** A client on server a, which is about to go, and a server b beside it. */
  async function deploy(options: Record<string, string> = LISTENING): Promise<void> {
    deployment = await Deployment.start();
    a = await deployment.prepare('a', options);
    if (options === LISTENING) await deployment.joined(a);
    else await deployment.join(a);
    client = await connect(deployment.url('/chat'));
    await deployment.hubs('b');
  }

  /** The client has moved, and the relay knows the old server no more. */
  async function expectMoved(): Promise<void> {
    expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    await eventually(async () => {
      const { servers } = await deployment.stats();
      expect(servers.map(({ serverName }) => serverName)).toEqual(['b']);
    });
    const stats = await deployment.stats();
    expect(stats).toMatchObject({ clients: 1, migrations: 1, lostWithServer: 0 });
    expect(a.eventsOf('disconnect')).toMatchObject([{ migration: { reason: 'shutdown' } }]);
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('comes with %s', async (signal) => {
    await deploy();
    a.kill(signal);
    // Nest ends the process by the same signal when all is done.
    expect(await a.exited).toEqual({ code: null, signal });
    await expectMoved();
  });

  it('comes once with SIGTERM twice and SIGINT', async () => {
    await deploy();
    client.emit('slow', 1);
    await a.seen('waiting');
    a.kill('SIGTERM');
    await deployment.isOffline(a);
    a.kill('SIGTERM');
    a.kill('SIGINT');
    // It still waits for the handler.
    expect(await a.stats()).toMatchObject({ hub: { connections: 1 } });
    await a.open('slow');
    expect(await client.json()).toEqual({ event: 'slow', data: { server: 'a', n: 1 } });
    expect(await a.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await expectMoved();
  });

  it('comes with app.close()', async () => {
    await deploy();
    await a.ask('close');
    await expectMoved();
    expect(await a.exited).toEqual({ code: 0, signal: null });
  });

  it('comes with drain(), and the process ends by itself when nothing else keeps it', async () => {
    await deploy({});
    expect(await a.drain()).toEqual(drained(1));
    expect(await a.exited).toEqual({ code: 0, signal: null });
    await expectMoved();
  });

  it('is one for every call of drain(), also at once, and app.close() finds nothing to do', async () => {
    await deploy();
    const results = await Promise.all([a.drain(), a.drain(), a.drain()]);
    expect(results[0]).toEqual(drained(1));
    expect(results).toEqual([results[0], results[0], results[0]] satisfies DrainResult[]);
    expect(await a.drain()).toEqual(results[0]);
    expect(await a.stats()).toEqual({ hub: { connections: 0, serviceConnections: 0 } });
    expect(a.exit).toBeUndefined();
    await a.ask('close');
    expect(await a.exited).toEqual({ code: 0, signal: null });
    await expectMoved();
  });

  it('is the same when SIGTERM comes during a drain()', async () => {
    await deploy();
    client.emit('slow', 1);
    await a.seen('waiting');
    const draining = a.drain();
    await deployment.isOffline(a);
    a.kill('SIGTERM');
    await a.open('slow');
    expect(await draining).toEqual(drained(1));
    expect(await a.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await client.next();
    await expectMoved();
  });

  it('does not wait for clients that are not there, nor for a relay that is not', async () => {
    deployment = await Deployment.start();
    a = await deployment.prepare('a', LISTENING);
    await deployment.joined(a);
    deployment.relay.kill('SIGKILL');
    await a.ready();
    const b = await deployment.prepare('b', LISTENING);
    for (const hub of [a, b]) {
      const result = await hub.drain();
      expect(result).toEqual(drained(0));
      expect(result.durationMs).toBeLessThan(5000);
      await hub.ask('close');
      expect(await hub.exited).toEqual({ code: 0, signal: null });
    }
  });

  it('of the relay closes clients with 1012, and hub servers can end after it', async () => {
    await deploy();
    deployment.relay.kill('SIGTERM');
    expect(await client.closed).toEqual({ code: 1012, reason: 'the relay is stopping' });
    expect(await deployment.relay.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await a.seen('disconnect')).toMatchObject([{ migration: null }]);
    a.kill('SIGTERM');
    expect(await a.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });
});
