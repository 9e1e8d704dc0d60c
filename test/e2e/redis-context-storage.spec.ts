import { ContextStorageUnavailableException, RedisContextStorage } from 'nestjs-ws-migration';
import { createClient, createCluster, createSentinel } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeContextStorage } from '../support/context-storage-suite.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

const LEASE_MS = 600_000;
const context = Buffer.from('context');

describe('a redis-server', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.end());

  describeContextStorage(
    'RedisContextStorage',
    (options) => new RedisContextStorage(createClient({ url: redis.url }), options),
  );

  describeContextStorage(
    'RedisContextStorage with RESP 2',
    (options) => new RedisContextStorage(createClient({ url: redis.url, RESP: 2 }), options),
  );

  it('keeps one key for each connection, with a time to live', async () => {
    const client = createClient({ url: redis.url });
    await client.connect();
    const storage = new RedisContextStorage(client, { prefix: 'one:' });
    await storage.save('a', { epoch: 1, sequence: 1, context }, LEASE_MS);
    await storage.claim('b', 1, LEASE_MS);
    await storage.save('c', { epoch: 1, sequence: 1, context }, LEASE_MS);
    await storage.remove('c', 1);
    const keys = await client.keys('one:*');
    expect(keys.toSorted()).toEqual(['one:a', 'one:b', 'one:c']);
    for (const key of keys) expect(await client.pTTL(key)).toBeGreaterThan(100_000);
    expect(await client.hGet('one:c', 'context')).toBeNull();
    await storage.close();
    expect(client.isReady).toBe(true);
    await client.close();
  });

  it('says so when a key belongs to somebody else', async () => {
    const client = createClient({ url: redis.url });
    const storage = new RedisContextStorage(client, { prefix: 'foreign:' });
    await storage.renew('other', 1, LEASE_MS);
    await client.set('foreign:a', 'text');
    await expect(storage.claim('a', 1, LEASE_MS)).rejects.toThrow(/Redis failed: .*WRONGTYPE/);
    await storage.close();
    expect(client.isOpen).toBe(false);
  });
});

describe('a cluster', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start(['--cluster-enabled', 'yes']);
    const node = createClient({ url: redis.url });
    await node.connect();
    await node.clusterAddSlotsRange({ start: 0, end: 16_383 });
    await until(async () => {
      if (!(await node.clusterInfo()).includes('cluster_state:ok')) throw new Error('not ready');
    });
    await node.close();
  });
  afterAll(() => redis.end());

  describeContextStorage(
    'RedisContextStorage with a cluster',
    (options) =>
      new RedisContextStorage(createCluster({ rootNodes: [{ url: redis.url }] }), options),
  );
});

describe('a Redis that goes away', () => {
  const servers: RedisServer[] = [];
  const storages: RedisContextStorage[] = [];
  afterEach(async () => {
    await Promise.all(storages.splice(0).map((storage) => storage.close()));
    await Promise.all(servers.splice(0).map((server) => server.end()));
  });

  const start = async (options?: string[]): Promise<RedisServer> => {
    const server = await RedisServer.start(options);
    servers.push(server);
    return server;
  };
  const storageOf = (url: string, commandMs = 500): RedisContextStorage => {
    const storage = new RedisContextStorage(createClient({ url }), { commandMs });
    storages.push(storage);
    return storage;
  };
  const save = (storage: RedisContextStorage, sequence: number) =>
    storage.save('a', { epoch: 1, sequence, context }, LEASE_MS);

  /** Every kind of call fails clearly, and long before anything else would end it. */
  const expectFailures = async (storage: RedisContextStorage, text: RegExp): Promise<void> => {
    const begin = performance.now();
    const calls = [
      save(storage, 100),
      storage.claim('a', 1, LEASE_MS),
      storage.renew('a', 1, LEASE_MS),
      storage.remove('other', 1),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: expect.any(ContextStorageUnavailableException),
      });
      expect((result as PromiseRejectedResult).reason.message).toMatch(text);
    }
    expect(performance.now() - begin).toBeLessThan(5000);
  };

  it('gives clear errors while it is stopped, and works again when it is back', async () => {
    const [redis, other] = [await start(), await start()];
    const [storage, unharmed] = [storageOf(redis.url), storageOf(other.url)];
    expect(await save(storage, 1)).toBe(true);
    await redis.stop();
    await expectFailures(storage, /^Redis (failed|did not answer within 500 ms)/);
    await expectFailures(storage, /ECONNREFUSED 127\.0\.0\.1|Socket closed/);
    expect(await save(unharmed, 1)).toBe(true);
    await redis.run();
    await until(async () => expect(await save(storage, 2)).toBe(true));
    expect(await storage.claim('a', 1, LEASE_MS)).toMatchObject({ epoch: 1, sequence: 2 });
    expect(await save(unharmed, 2)).toBe(true);
  });

  it('may be away when the first call is made', async () => {
    const redis = await start();
    await redis.stop();
    const storage = storageOf(redis.url);
    await expectFailures(storage, /within 500 ms \(last error: connect ECONNREFUSED/);
    await redis.run();
    await until(async () => expect(await storage.renew('a', 1, LEASE_MS)).toBe(false));
    expect(await save(storage, 1)).toBe(true);
  });

  it('may be frozen: what was under way is done once, in order', async () => {
    const redis = await start();
    const storage = storageOf(redis.url);
    await save(storage, 1);
    redis.freeze();
    await expectFailures(storage, /^Redis did not answer within 500 ms$/);
    redis.thaw();
    await until(async () => expect(await storage.renew('a', 1, LEASE_MS)).toBe(true));
    expect(await save(storage, 100)).toBe(false);
    expect(await save(storage, 101)).toBe(true);
  });

  it('may forget its scripts', async () => {
    const redis = await start();
    const client = createClient({ url: redis.url });
    const storage = new RedisContextStorage(client);
    storages.push(storage);
    await save(storage, 1);
    await client.scriptFlush();
    expect(await save(storage, 2)).toBe(true);
    await Promise.all([client.scriptFlush(), storage.renew('a', 1, LEASE_MS), save(storage, 3)]);
    expect(await storage.claim('a', 1, LEASE_MS)).toMatchObject({ sequence: 3 });
  });

  it('tells nobody the password', async () => {
    const redis = await start(['--requirepass', 'correct']);
    const url = `redis://user:wrong-secret@127.0.0.1:${redis.port}`;
    const client = createClient({ url });
    const storage = new RedisContextStorage(client, { commandMs: 500 });
    const failure: unknown = await save(storage, 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ContextStorageUnavailableException);
    expect((failure as Error).message).toMatch(/WRONGPASS/);
    expect(JSON.stringify(failure) + (failure as Error).stack).not.toContain('wrong-secret');
    await storage.close();
  });

  it('can be closed while it is away', async () => {
    const redis = await start();
    const client = createClient({ url: redis.url });
    const storage = new RedisContextStorage(client, { commandMs: 500 });
    await save(storage, 1);
    await redis.stop();
    await storage.close();
    expect(client.isOpen).toBe(false);
  });
});

it('takes a sentinel', async () => {
  const master = await RedisServer.start();
  onTestFinished(() => master.end());
  const sentinel = await RedisServer.startSentinel(master);
  onTestFinished(() => sentinel.end());
  const sentinelRootNodes = [{ host: '127.0.0.1', port: sentinel.port }];
  const storage = new RedisContextStorage(createSentinel({ name: 'main', sentinelRootNodes }));
  onTestFinished(() => storage.close());
  const stored = { epoch: 1, sequence: 1, context: Uint8Array.of(0, 127, 128, 255) };
  expect(await storage.save('a', stored, LEASE_MS)).toBe(true);
  expect(await storage.claim('a', 2, LEASE_MS)).toStrictEqual(stored);
});
