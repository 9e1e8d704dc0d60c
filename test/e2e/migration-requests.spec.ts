import { describe, expect, it, vi } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import { AdminClient, adminEnabled } from './support/admin-client.js';
import type { AppProcess } from './support/app-process.js';
import { Deployment } from './support/deployment.js';

vi.setConfig({ testTimeout: 60_000 });

const NOBODY = 'AAAAAAAAAAAAAAAAAAAAAA';

/** Three hub servers; a client is at the first of them. */
async function clientOfThree(options: Record<string, string> = {}) {
  const deployment = await Deployment.start({ E2E_GATEWAYS: 'limits' }, adminEnabled);
  const [a, b, c] = await Promise.all([
    deployment.prepare('a', options),
    deployment.prepare('b'),
    deployment.prepare('c'),
  ]);
  await deployment.join(a);
  const client = await connect(deployment.url('/limits'));
  const connectionId = (await a.seen('connect'))[0]!.connectionId as string;
  await deployment.join(b, c);
  return { deployment, a, b, c, client, connectionId };
}

async function expectServedBy(server: string, client: TestClient): Promise<void> {
  expect(await client.ask('echo', 1)).toEqual({ event: 'echo', data: { server, n: 1 } });
}

/** The states of a connection as a server's stream told them. */
const statesAt = (server: AppProcess, connectionId: string) =>
  server.eventsOf('migration event', { connectionId }).map(({ state }) => state);

describe('a migration that code on a hub server asks for', () => {
  it('goes to the server that it names; all steps are events', async () => {
    const { a, c, client, connectionId } = await clientOfThree();
    const options = { to: { serverName: 'c' }, reason: 'closer to the data' };
    expect(await a.ask('request', { connectionId, options })).toMatchObject({ attempt: 1 });
    await c.seen('arrives', { connectionId });
    await expectServedBy('c', client);
    await a.seen('disconnect');
    expect(a.eventsOf('disconnect')).toMatchObject([
      { migration: { to: c.serverId, reason: 'closer to the data' } },
    ]);
    expect(c.eventsOf('connect')).toMatchObject([
      { migration: { from: a.serverId, reason: 'closer to the data' } },
    ]);
    expect(statesAt(a, connectionId).slice(0, 2)).toEqual(['requested', 'ready']);
    expect(statesAt(a, connectionId)).toContain('migrating');
    expect(await a.ask('state', connectionId)).toMatchObject({ state: 'none', server: c.serverId });
  });

  it('can come from any server, be changed while the connection is held, and be called off', async () => {
    const { a, b, c, client, connectionId } = await clientOfThree();
    await client.ask('hold', {});
    const first = await b.ask('request', { connectionId, options: { to: b.serverId } });
    await a.seen('migration event', { state: 'requested' });
    expect(await c.ask('state', connectionId)).toMatchObject({
      state: 'requested',
      server: a.serverId,
      waitsFor: 'hold: checkout',
    });
    const changed = await b.ask('request', { connectionId, options: { to: c.serverId } });
    expect(changed).toMatchObject({ attempt: (first as { attempt: number }).attempt });

    await c.ask('cancel', connectionId);
    await a.seen('migration event', { state: 'cancelled' });
    expect(await a.ask('state', connectionId)).toMatchObject({ state: 'cancelled' });
    await expectServedBy('a', client);
    await a.ask('release', connectionId);
    await expectServedBy('a', client);

    await b.ask('request', { connectionId, options: { to: b.serverId } });
    await b.seen('arrives', { connectionId });
    await expectServedBy('b', client);
    expect(c.eventsOf('connect')).toEqual([]);
  });

  it('goes to the server that it was changed to', async () => {
    const { a, b, c, client, connectionId } = await clientOfThree();
    await client.ask('hold', {});
    await a.ask('request', { connectionId, options: { to: b.serverId } });
    await a.ask('request', { connectionId, options: { to: c.serverId } });
    await a.ask('release', connectionId);
    await c.seen('arrives', { connectionId });
    await expectServedBy('c', client);
    expect(a.eventsOf('ready hook')).toMatchObject([{ to: { serverId: c.serverId } }]);
    expect(b.eventsOf('connect')).toEqual([]);
  });

  it("is called off by the connection's own READY hook", async () => {
    const { a, client, connectionId } = await clientOfThree({ E2E_READY: 'cancels' });
    await a.ask('request', { connectionId });
    await a.seen('migration event', { state: 'cancelled' });
    await expectServedBy('a', client);
    expect(a.eventsOf('stays')).toEqual([]);
  });

  it('is refused with an error that says why', async () => {
    const { a, b, client, connectionId } = await clientOfThree({ E2E_READY: 'waits' });
    const request = (options: object) => b.ask('request', { connectionId, options });
    await expect(a.ask('request', { connectionId: NOBODY })).rejects.toThrow(
      'UnknownConnectionException',
    );
    await expect(request({ to: { serverName: 'nobody' } })).rejects.toThrow(
      'NoMigrationTargetException',
    );
    await expect(request({ to: a.serverId })).rejects.toThrow('MigrationRefusedException');
    await expect(b.ask('cancel', connectionId)).rejects.toThrow('MigrationRefusedException');

    await a.ask('mark', { connectionId, migratable: false });
    await expect(request({})).rejects.toThrow('NotMigratableException');
    await a.ask('mark', { connectionId, migratable: true });
    await expectServedBy('a', client);

    await request({ to: b.serverId });
    await a.seen('waiting', { gate: 'ready' });
    await expect(request({})).rejects.toThrow('MigrationTooLateException');
    await expect(b.ask('cancel', connectionId)).rejects.toThrow('MigrationTooLateException');
    await a.open('ready');
    await b.seen('arrives');
    await expectServedBy('b', client);
  });
});

describe("a migration that the relay's admin API asks for", () => {
  it('is seen, changed, called off, asked for again, and streamed', async () => {
    const { deployment, a, b, c, client, connectionId } = await clientOfThree();
    const admin = new AdminClient(deployment.relay);
    await admin.listen();
    expect(await admin.migration('GET', connectionId)).toMatchObject({
      status: 200,
      body: { state: 'none' },
    });
    await client.ask('hold', {});
    const asked = { to: { serverName: 'b' }, reason: 'rebalance' };
    expect(await admin.migration('POST', connectionId, asked)).toMatchObject({
      status: 202,
      body: { state: 'requested', attempt: 1 },
    });
    await eventually(async () =>
      expect(await admin.migration('GET', connectionId)).toMatchObject({
        status: 200,
        body: { ...asked, state: 'requested', waitsFor: 'hold: checkout' },
      }),
    );
    expect(await admin.migration('DELETE', connectionId)).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    });
    await expectServedBy('a', client);
    await admin.migration('POST', connectionId, { to: { serverName: 'b' } });
    await admin.migration('POST', connectionId, { to: { serverName: 'c' } });
    await a.ask('release', connectionId);
    await c.seen('arrives', { connectionId });
    await expectServedBy('c', client);
    expect(b.eventsOf('connect')).toEqual([]);
    await eventually(() => {
      const states = admin.events.filter((it) => it.connectionId === connectionId);
      expect(states.map(({ state }) => state)).toEqual(
        expect.arrayContaining(['requested', 'cancelled', 'migrating', 'none']),
      );
    });
  });

  it('is refused with a problem that says why', async () => {
    const { deployment, a, connectionId } = await clientOfThree({ E2E_READY: 'waits' });
    const admin = new AdminClient(deployment.relay);
    expect(await admin.migration('POST', NOBODY, {})).toMatchObject({ status: 404 });
    expect(await admin.migration('GET', NOBODY)).toMatchObject({ status: 404 });
    expect(await admin.migration('DELETE', connectionId)).toMatchObject({ status: 409 });
    expect(await admin.migration('POST', connectionId, { to: 7 })).toMatchObject({ status: 400 });
    const toNobody = { to: { serverName: 'nobody' } };
    expect(await admin.migration('POST', connectionId, toNobody)).toMatchObject({ status: 409 });
    await admin.migration('POST', connectionId, {});
    await a.seen('waiting', { gate: 'ready' });
    expect(await admin.migration('POST', connectionId, {})).toMatchObject({ status: 409 });
    expect(await admin.migration('DELETE', connectionId)).toMatchObject({ status: 409 });
    await a.open('ready');
  });
});
