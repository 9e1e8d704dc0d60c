import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connect, dial, eventually, refusal } from '../conformance/support/client.js';
import { Deployment, drained } from './support/deployment.js';

describe('an upgrade', () => {
  it('for a known path is held until a server is there', async () => {
    const deployment = await Deployment.start({
      MIGRATION_RELAY_PATHS: '/chat',
      MIGRATION_RELAY_HOLD_UPGRADE_MS: '15000',
    });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    const held = async () => {
      const clients = [1, 2, 3].map(() => dial(deployment.url('/chat')));
      const opened = Promise.all(clients.map(({ socket }) => once(socket, 'open')));
      await eventually(async () => expect((await deployment.stats()).waiting).toBe(3));
      return { clients, opened };
    };
    // Known by option, before any server came.
    const early = await held();
    await deployment.join(a);
    await early.opened;
    for (const client of early.clients) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'a' } });
      await client.close(1000);
    }
    await a.seen('disconnect', {}, 3);
    // Known because a server had it, which is gone.
    expect(await a.drain()).toEqual(drained(0));
    await a.exited;
    const late = await held();
    await deployment.join(b);
    await late.opened;
    for (const client of late.clients) {
      expect(await client.ask('who')).toMatchObject({ data: { server: 'b' } });
    }
    expect(await deployment.stats()).toMatchObject({ clients: 3, waiting: 0, refused: {} });
  });

  it('is answered with 503 and Retry-After when no server comes, with 404 for an unknown path', async () => {
    const deployment = await Deployment.start({
      MIGRATION_RELAY_PATHS: '/chat',
      MIGRATION_RELAY_HOLD_UPGRADE_MS: '1500',
    });
    expect(await refusal(deployment.url('/chat'))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '2' },
    });
    expect(await refusal(deployment.url('/nowhere'))).toMatchObject({ status: 404 });
    // A client that does not wait leaves nothing behind.
    const impatient = dial(deployment.url('/chat'));
    await eventually(async () => expect((await deployment.stats()).waiting).toBe(1));
    impatient.socket.terminate();
    await eventually(async () =>
      expect(await deployment.stats()).toMatchObject({ waiting: 0, clients: 0 }),
    );
    const response = await fetch(deployment.url('/chat').replace('ws:', 'http:'));
    expect(response.status).toBe(404);
  });

  it('that is meant for another library of the app is left to it', async () => {
    const deployment = await Deployment.start({
      E2E_OTHER_LIBRARY: '1',
      MIGRATION_RELAY_HANDSHAKE_TIMEOUT_MS: '2000',
    });
    await deployment.hubs('a');
    const other = await connect(deployment.url('/other'));
    other.socket.send('hello');
    expect((await other.next()).text).toBe('other: hello');
    const ours = await connect(deployment.url('/chat'));
    expect(await ours.ask('who')).toMatchObject({ data: { server: 'a' } });
    expect(await deployment.stats()).toMatchObject({ clients: 1 });
    // Nobody's: answered after a while, as the other library might have taken it.
    expect(await refusal(deployment.url('/nowhere'))).toMatchObject({ status: 404 });
    other.socket.send('still here');
    expect((await other.next()).text).toBe('other: still here');
  });
});
