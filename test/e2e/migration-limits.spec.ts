import { describe, expect, it, vi } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import { AdminClient, adminEnabled } from './support/admin-client.js';
import type { AppProcess } from './support/app-process.js';
import { Deployment, drained } from './support/deployment.js';

vi.setConfig({ testTimeout: 60_000 });

interface Served {
  data: { server: string };
}

interface Numbered {
  event: string;
  data: { server: string; n: number };
}

const start = (options: Record<string, string> = {}) =>
  Deployment.start({ E2E_GATEWAYS: 'limits', ...options }, adminEnabled);

/** A client that is at the first of the servers, before the others join. */
async function clientAt(deployment: Deployment, first: AppProcess, ...others: AppProcess[]) {
  await deployment.join(first);
  const client = await connect(deployment.url('/limits'));
  const connectionId = (await first.seen('connect'))[0]!.connectionId as string;
  await deployment.join(...others);
  return { client, connectionId };
}

async function expectServedBy(server: string, client: TestClient): Promise<void> {
  client.emit('echo', 1);
  const { json } = await client.next(({ text }) => text.includes('"echo"'));
  expect((json as Served).data.server).toBe(server);
}

describe('a connection that is held', () => {
  it('moves when the limit of its hold is over; until then the admin API says why it does not', async () => {
    const deployment = await start({ MIGRATION_HUB_HOLD_MS: '3000' });
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    const { client, connectionId } = await clientAt(deployment, a, b);
    const admin = new AdminClient(deployment.relay);
    expect(await client.ask('hold', {})).toEqual({ event: 'held', data: { server: 'a' } });
    expect(await admin.migration('POST', connectionId, {})).toMatchObject({ status: 202 });
    await eventually(async () => {
      const { body } = await admin.migration('GET', connectionId);
      expect(body).toMatchObject({ state: 'requested', waitsFor: 'hold: checkout' });
    });
    expect(b.eventsOf('connect')).toEqual([]);
    // In the middle of a dialogue its server goes on with it.
    await expectServedBy('a', client);
    await b.seen('arrives');
    await expectServedBy('b', client);
    expect(a.output).toMatch(/held for 3000 ms \(checkout\)/);
  });

  it('stays where it is when the migration is over first', async () => {
    const deployment = await start();
    const [a, b] = await Promise.all([deployment.prepare('a'), deployment.prepare('b')]);
    const { client, connectionId } = await clientAt(deployment, a, b);
    const admin = new AdminClient(deployment.relay);
    await client.ask('hold', {});
    await admin.migration('POST', connectionId, { deadlineMs: 500 });
    const why = { reason: 'handlerRunning', detail: 'hold: checkout' };
    await a.seen('stays', { connectionId, ...why });
    const { body } = await admin.migration('GET', connectionId);
    expect(body).toMatchObject({ state: 'failed', ...why });
    await expectServedBy('a', client);
    await a.ask('release', connectionId);
    await admin.migration('POST', connectionId, {});
    await b.seen('arrives');
    await expectServedBy('b', client);
  });
});

describe('hooks and handlers that do not do what they should', () => {
  it('a READY hook that hangs is given up, and the connection moves', async () => {
    const deployment = await start({ MIGRATION_HUB_MIGRATION_HOOK_MS: '300' });
    const [a, b] = await Promise.all([
      deployment.prepare('a', { E2E_READY: 'hangs' }),
      deployment.prepare('b'),
    ]);
    const { client } = await clientAt(deployment, a, b);
    expect(await a.drain()).toEqual(drained(1));
    await expectServedBy('b', client);
    expect(a.eventsOf('ready hook')).toHaveLength(1);
    expect(a.output).toMatch(/@OnMigrationReady\(\).* took longer than 300 ms/);
  });

  it('a READY hook that calls the move of a shutdown off is asked again', async () => {
    const deployment = await start();
    const [a, b] = await Promise.all([
      deployment.prepare('a', { E2E_READY: 'cancels twice' }),
      deployment.prepare('b'),
    ]);
    const { client } = await clientAt(deployment, a, b);
    expect(await a.drain()).toEqual(drained(1));
    expect(a.eventsOf('ready hook')).toHaveLength(3);
    await expectServedBy('b', client);
  });

  it('a resume handler that throws ends its stream, and nothing else', async () => {
    const deployment = await start();
    const [a, b] = await Promise.all([
      deployment.prepare('a'),
      deployment.prepare('b', { E2E_RESUME: 'throws' }),
    ]);
    const { client } = await clientAt(deployment, a, b);
    client.emit('numbers');
    await eventually(() => expect(numbersOf(client).length).toBeGreaterThan(2));
    expect(await a.drain()).toEqual(drained(1));
    const [{ next }] = (await b.seen('resumed')) as unknown as [{ next: number }];
    await expectServedBy('b', client);
    // Every number that the first server sent is there, and none of the second.
    await client.next(({ text }) => text.includes('exception') || text.includes('error'));
    const numbers = numbersOf(client);
    expect(new Set(numbers.map(({ server }) => server))).toEqual(new Set(['a']));
    expect(numbers.at(-1)!.n).toBe(next - 1);
    // It is not begun again, not by the next server either.
    await deployment.hubs('c');
    expect(await b.drain()).toEqual(drained(1));
    await expectServedBy('c', client);
    expect(b.eventsOf('resumed')).toHaveLength(1);
  });

  it('a target that refuses three times is asked again, and has the connection at last', async () => {
    const deployment = await start();
    const [a, b] = await Promise.all([
      deployment.prepare('a'),
      deployment.prepare('b', { E2E_REFUSALS: '3' }),
    ]);
    const { client, connectionId } = await clientAt(deployment, a, b);
    client.emit('numbers');
    for (let times = 1; times <= 3; times += 1) {
      await a.ask('request', { connectionId, options: { to: b.serverId, deadlineMs: 2000 } });
      await a.seen('stays', { connectionId, reason: 'refused' }, times);
      await expectServedBy('a', client);
    }
    for (const { detail } of a.eventsOf('stays')) expect(detail).toBe('@OnMigrateIn() failed');
    expect(b.output).toContain('no room, 0 refusals left');
    await a.ask('request', { connectionId, options: { to: { serverName: 'b' } } });
    await b.seen('disconnect', {}, 3);
    await eventually(() => expect(numbersOf(client).at(-1)?.server).toBe('b'));
    await expectServedBy('b', client);
    // The stream went on at its server after each refusal, and then at the other one.
    const numbers = numbersOf(client);
    expect(numbers.map(({ n }) => n)).toEqual(numbers.map((_, index) => index + 1));
    expect(await deployment.stats()).toMatchObject({ migrations: 1, clients: 1 });
  });
});

function numbersOf(client: TestClient): Numbered['data'][] {
  return client.inbox
    .map(({ json }) => json as Numbered)
    .filter(({ event }) => event === 'number')
    .map(({ data }) => data);
}
