import { describe, expect, it, vi } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import type { AppProcess } from './support/app-process.js';
import { Deployment, drained } from './support/deployment.js';

vi.setConfig({ testTimeout: 60_000 });

/** The form of the state, and what F8 goes by. */
const release = (version: string, state = version) => ({
  E2E_STATE: state,
  MIGRATION_HUB_VERSION: version,
});

interface Tally {
  data: { server: string; form: string; total: number; names: string[] };
}

async function add(client: TestClient, name: string): Promise<Tally['data']> {
  const { data } = (await client.ask('add', name)) as Tally;
  return data;
}

const start = () => Deployment.start({ E2E_GATEWAYS: 'versions' });

async function connectTo(deployment: Deployment, server: AppProcess): Promise<TestClient> {
  const before = server.eventsOf('connect').length;
  const client = await connect(deployment.url('/versions'));
  await server.seen('connect', {}, before + 1);
  return client;
}

const idOf = (server: AppProcess) => server.eventsOf('connect').at(-1)!.connectionId as string;

describe('the state of a connection', () => {
  it('is converted from 1 over 2 to 3 in a rolling deploy with old and new servers mixed', async () => {
    const deployment = await start();
    const [a, b] = await Promise.all([
      deployment.prepare('a', release('1')),
      deployment.prepare('b', release('1')),
    ]);
    await deployment.join(a);
    const first = await connectTo(deployment, a);
    await deployment.join(b);
    const second = await connectTo(deployment, b);
    for (const client of [first, second]) await add(client, 'x');
    const form1 = { form: 'TallyV1', total: 2, names: ['x', 'y'] };
    expect(await add(first, 'y')).toEqual({ server: 'a', ...form1 });

    // Clients of the old release leave for the new one, and not for the other old server.
    const a2 = await deployment.prepare('a2', release('2'));
    await deployment.join(a2);
    expect(await a.drain()).toEqual(drained(1));
    expect(await add(second, 'y')).toEqual({ server: 'b', ...form1 });
    const form2 = { form: 'TallyV2', total: 3, names: ['x', 'y', 'z'] };
    expect(await add(first, 'z')).toEqual({ server: 'a2', ...form2 });

    const b3 = await deployment.prepare('b3', release('3'));
    await deployment.join(b3);
    expect(await b.drain()).toEqual(drained(1));
    const form3 = { form: 'TallyV3', total: 3, names: ['x', 'y', 'z'] };
    expect(await add(second, 'z')).toEqual({ server: 'b3', ...form3 });

    expect(await a2.drain()).toEqual(drained(1));
    const grown = { form: 'TallyV3', total: 4, names: ['x', 'y', 'z', 'w'] };
    expect(await add(first, 'w')).toEqual({ server: 'b3', ...grown });
    expect(await deployment.stats()).toMatchObject({ migrations: 3, failedMigrations: {} });
  });

  it('that a server is too old for does not come to it, and its client does not notice', async () => {
    const deployment = await start();
    const [a, old] = await Promise.all([
      deployment.prepare('a', release('2')),
      deployment.prepare('old', release('1')),
    ]);
    await deployment.join(a);
    const client = await connectTo(deployment, a);
    await add(client, 'x');
    await deployment.join(old);
    await a.ask('request', { connectionId: idOf(a), options: { deadlineMs: 2000 } });
    const [failure] = await a.seen('migration event', { state: 'failed' });
    expect(failure).toMatchObject({
      reason: 'refused',
      detail: expect.stringMatching(/version 2/),
    });
    expect(await a.seen('stays')).toMatchObject([{ connectionId: idOf(a), reason: 'refused' }]);
    await eventually(() => expect(old.output).toMatch(/version 2.*version 1/));
    // The gateway of the old server has not even seen it.
    expect(old.eventsOf('connect')).toEqual([]);
    const form = { form: 'TallyV2', total: 2, names: ['x', 'y'] };
    expect(await add(client, 'y')).toEqual({ server: 'a', ...form });
    expect(await deployment.stats()).toMatchObject({ migrations: 0, clients: 1 });

    // A server that knows it is taken at once.
    await deployment.join(await deployment.prepare('new', release('2')));
    expect(await a.drain()).toEqual(drained(1));
    expect(await add(client, 'z')).toMatchObject({ server: 'new', total: 3 });
  });

  it('that is not valid at another server does not come to it, and is told field by field', async () => {
    const deployment = await start();
    const [a, strict] = await Promise.all([
      deployment.prepare('a', release('1')),
      deployment.prepare('strict', release('1', 'strict')),
    ]);
    await deployment.join(a);
    const client = await connectTo(deployment, a);
    for (const name of ['x', 'y', 'z']) await add(client, name);
    await deployment.join(strict);
    await a.ask('request', { connectionId: idOf(a), options: { deadlineMs: 2000 } });
    const error = 'total: must not be greater than 2';
    const [failure] = await a.seen('migration event', { state: 'failed' });
    expect(failure).toMatchObject({ reason: 'refused', detail: expect.stringContaining(error) });
    expect(await a.seen('stays')).toMatchObject([{ detail: expect.stringContaining(error) }]);
    await eventually(() => expect(strict.output).toContain(error));
    expect(strict.eventsOf('connect')).toEqual([]);
    const form = { form: 'TallyV1', total: 4, names: ['x', 'y', 'z', 'w'] };
    expect(await add(client, 'w')).toEqual({ server: 'a', ...form });
    expect(await deployment.stats()).toMatchObject({ migrations: 0, clients: 1 });
  });
});
