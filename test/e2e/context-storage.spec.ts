import { createClient } from 'redis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connect, eventually, type TestClient } from '../conformance/support/client.js';
import type { AppProcess } from './support/app-process.js';
import { Deployment, drained } from './support/deployment.js';
import { RedisServer } from '../support/redis-server.js';

const SOON = {
  MIGRATION_CONTEXT_CHECKPOINT_MS: '0',
  MIGRATION_RELAY_HUB_RECONNECT_GRACE_MS: '300',
};

const FAILED = /ERROR .*context\.storage cannot save .*failure/;
vi.setConfig({ testTimeout: 60_000 });

interface Tally {
  data: { server: string; total: number; names: string[] };
}

async function add(client: TestClient, name: string): Promise<Tally['data']> {
  const { data } = (await client.ask('add', name)) as Tally;
  return data;
}

/** Hub servers that keep contexts in a real Redis, and a client that is at the first of them. */
async function clientAt(names: string[], more: Record<string, string> = {}) {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.end());
  const options = {
    ...SOON,
    ...more,
    E2E_GATEWAYS: 'versions',
    E2E_STATE: '3',
    E2E_REDIS: redis.url,
  };
  const deployment = await Deployment.start(options);
  const hubs = await Promise.all(names.map((name) => deployment.prepare(name)));
  await deployment.join(hubs[0]!);
  const client = await connect(deployment.url('/versions'));
  const connectionId = (await hubs[0]!.seen('connect'))[0]!.connectionId as string;
  await add(client, 'x');
  await deployment.join(...hubs.slice(1));
  return { redis, deployment, hubs, client, connectionId };
}

/** What PTTL answers for a key that is not there. */
const NO_KEY = -2;

/** What is kept for a connection, undefined when there is no key, and how long it will be, in ms. */
async function contentOf({ url }: RedisServer, connectionId: string) {
  const client = createClient({ url });
  // The command that fails says it too.
  client.on('error', () => {});
  await client.connect();
  try {
    const [key] = await client.keys(`*${connectionId}`);
    if (key === undefined) return undefined;
    const context = await client.hGet(key, 'context');
    const ttlMs = await client.pTTL(key);
    // It can have expired since it was found.
    return ttlMs === NO_KEY ? undefined : { context, ttlMs };
  } finally {
    client.destroy();
  }
}

/** Until a context is there. */
const kept = (redis: RedisServer, connectionId: string) =>
  eventually(async () => {
    const content = await contentOf(redis, connectionId);
    if (!content?.context) throw new Error(`there is no context of ${connectionId}`);
    return content;
  });

const gone = (redis: RedisServer, connectionId: string) =>
  eventually(async () => {
    const content = await contentOf(redis, connectionId);
    if (content?.context) throw new Error(`there is a context of ${connectionId}`);
    return content;
  });

describe('contexts in Redis', () => {
  it('are gone at once when the connection has truly ended, and not when it has moved', async () => {
    const { redis, hubs, client, connectionId } = await clientAt(['a', 'b']);
    const before = await kept(redis, connectionId);
    expect(await hubs[0]!.drain()).toEqual(drained(1));
    expect(await add(client, 'y')).toMatchObject({ server: 'b', total: 2, names: ['x', 'y'] });
    await eventually(async () => {
      const after = await kept(redis, connectionId);
      expect(after.context).not.toBe(before.context);
    });
    await client.close();
    await gone(redis, connectionId);
  });

  it('are renewed while their connection lives, and expire when nobody is left', async () => {
    const { redis, deployment, hubs, connectionId } = await clientAt(['a'], {
      MIGRATION_CONTEXT_LEASE_MS: '2000',
    });
    let { ttlMs } = await kept(redis, connectionId);
    await eventually(async () => {
      const now = await kept(redis, connectionId);
      const renewed = now.ttlMs > ttlMs;
      ttlMs = now.ttlMs;
      expect(renewed).toBe(true);
    });
    for (const server of [deployment.relay, ...hubs]) server.kill('SIGKILL');
    await Promise.all([deployment.relay, ...hubs].map(({ exited }) => exited));
    expect(await gone(redis, connectionId)).toBeUndefined();
  });

  it('are taken over when a server is killed, and gone when the client leaves meanwhile', async () => {
    const { redis, deployment, hubs, client, connectionId } = await clientAt(['a', 'b']);
    const [a, b] = hubs as [AppProcess, AppProcess];
    a.kill('SIGKILL');
    client.emit('add', 'y');
    // The answer to what was not acknowledged when the server was killed may come again before.
    const { json } = await client.next(({ text }) => text.includes('"y"'));
    expect(json).toMatchObject({ data: { server: 'b', total: 2, names: ['x', 'y'] } });
    await deployment.hubs('c');
    await kept(redis, connectionId);
    b.kill('SIGKILL');
    await b.exited;
    await client.close();
    await gone(redis, connectionId);
  });

  it('cannot be kept while Redis is away: that is said, nobody is harmed, and it is made up for', async () => {
    const { redis, deployment, hubs, client, connectionId } = await clientAt(['a', 'b']);
    const [a, b] = hubs as [AppProcess, AppProcess];
    await kept(redis, connectionId);
    await redis.stop();
    for (let n = 1; n <= 50; n += 1) await add(client, `n${n}`);
    await eventually(() => expect(a.output).toMatch(FAILED));
    // Once, and then how often it happened meanwhile.
    expect([...a.output.matchAll(new RegExp(FAILED, 'g'))].length).toBeLessThan(5);
    // New clients come, and moves happen, by what the relay knows.
    const other = await connect(deployment.url('/versions'));
    expect(await add(other, 'x')).toMatchObject({ total: 1 });
    expect(await a.drain()).toMatchObject({ closed: {} });
    expect(await add(client, 'y')).toMatchObject({ server: 'b', total: 52 });

    await redis.run();
    await add(client, 'z');
    await eventually(async () => {
      await add(client, 'again');
      await kept(redis, connectionId);
    });
    await eventually(() => expect(b.output).toContain('context.storage works again'));
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    expect(b.exit).toBeUndefined();
    await client.close();
    await gone(redis, connectionId);
  });
});
