import { describe, expect, it, vi } from 'vitest';
import { ContextStorageUnavailableException } from './context-storage-unavailable.exception.js';
import type { RedisConnection, RedisScriptOptions } from './redis-connection.js';
import { RedisContextStorage } from './redis-context-storage.js';

const stored = { epoch: 1, sequence: 2, context: Uint8Array.of(1, 2, 3) };

type Evaluate = (script: string, options: RedisScriptOptions) => Promise<unknown>;
type OnError = (event: 'error', listener: (error: unknown) => void) => void;

function fakeRedis({ isOpen = true } = {}) {
  const scripting = {
    evalSha: vi.fn<Evaluate>(async () => 1),
    eval: vi.fn<Evaluate>(async () => 1),
  };
  const client = {
    isOpen,
    connect: vi.fn<() => Promise<unknown>>(async (): Promise<unknown> => (client.isOpen = true)),
    close: vi.fn<() => Promise<unknown>>(async (): Promise<unknown> => (client.isOpen = false)),
    destroy: vi.fn<() => void>((): void => void (client.isOpen = false)),
    on: vi.fn<OnError>(),
    withCommandOptions: () => scripting,
  };
  return { client, ...scripting };
}

describe('RedisContextStorage', () => {
  it('needs a client of redis 5 or 6', () => {
    for (const client of [undefined, {}, 'redis://localhost']) {
      expect(() => new RedisContextStorage(client as RedisConnection)).toThrow(TypeError);
      expect(() => new RedisContextStorage(client as RedisConnection)).toThrow('createClient(');
    }
    expect(() => new RedisContextStorage(fakeRedis().client, { commandMs: 0 })).toThrow(RangeError);
  });

  it('uses one key with its prefix', async () => {
    const { client, evalSha } = fakeRedis();
    await new RedisContextStorage(client).save('c1', stored, 1000);
    await new RedisContextStorage(client, { prefix: 'app:' }).renew('c1', 3, 1000);
    expect(evalSha.mock.calls.map(([, options]) => options)).toEqual([
      {
        keys: ['migration:context:c1'],
        arguments: ['1', '1000', '2', Buffer.from(stored.context)],
      },
      { keys: ['app:c1'], arguments: ['3', '1000'] },
    ]);
  });

  it('sends a script that Redis does not know', async () => {
    const { client, evalSha, eval: sent } = fakeRedis();
    evalSha.mockRejectedValueOnce(new Error('NOSCRIPT No matching script.'));
    const storage = new RedisContextStorage(client);
    expect(await storage.save('c1', stored, 1000)).toBe(true);
    expect(sent).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('HSET'),
      expect.objectContaining({ keys: ['migration:context:c1'] }),
    );
    expect(await storage.save('c1', stored, 1000)).toBe(true);
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it('listens for errors, which would end the process', () => {
    const { client } = fakeRedis();
    expect(() => new RedisContextStorage(client)).not.toThrow();
    expect(client.on).toHaveBeenCalledWith('error', expect.any(Function));
  });

  it('says what failed without passwords', async () => {
    const { client, evalSha } = fakeRedis();
    const storage = new RedisContextStorage(client);
    evalSha.mockRejectedValue(new Error('cannot reach rediss://user:p@ss@host:6379\nnow'));
    const call = storage.remove('c1', 1);
    await expect(call).rejects.toThrow(ContextStorageUnavailableException);
    await expect(call).rejects.toThrow('Redis failed: cannot reach rediss://…@host:6379 now');
  });

  it('limits each call, and says which error came last', async () => {
    const { client, evalSha } = fakeRedis();
    const storage = new RedisContextStorage(client, { commandMs: 20 });
    client.on.mock.calls[0]![1](new Error('connect ECONNREFUSED 127.0.0.1:1'));
    evalSha.mockReturnValue(new Promise(() => undefined));
    await expect(storage.claim('c1', 1, 1000)).rejects.toThrow(
      'Redis did not answer within 20 ms (last error: connect ECONNREFUSED 127.0.0.1:1)',
    );
    evalSha.mockResolvedValueOnce(1);
    await storage.renew('c1', 1, 1000);
    await expect(storage.renew('c1', 1, 1000)).rejects.toThrow(/within 20 ms$/);
  });

  it('lets no more than a bounded number of bytes wait', async () => {
    const { client, evalSha } = fakeRedis();
    let answer: ((answer: unknown) => void) | undefined;
    evalSha.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const storage = new RedisContextStorage(client);
    const large = { ...stored, context: new Uint8Array(500_000) };
    const waiting = Array.from({ length: 133 }, () => storage.save('c1', large, 1000));
    await expect(storage.save('c1', large, 1000)).rejects.toThrow(
      /does not keep up: about \d{8} bytes/,
    );
    answer?.(1);
    expect(await Promise.all(waiting)).toContain(true);
    expect(await storage.save('c1', large, 1000)).toBe(true);
  });

  it('connects a client that is not open, once, and closes it again', async () => {
    const { client } = fakeRedis({ isOpen: false });
    const storage = new RedisContextStorage(client);
    expect(client.connect).not.toHaveBeenCalled();
    await Promise.all([storage.renew('a', 1, 1), storage.renew('b', 1, 1)]);
    expect(client.connect).toHaveBeenCalledTimes(1);
    await storage.close();
    await storage.close();
    expect(client.close).toHaveBeenCalledTimes(1);
  });

  it('tries to connect again at the next call', async () => {
    const { client, evalSha } = fakeRedis({ isOpen: false });
    client.connect.mockRejectedValueOnce(new Error('nobody there'));
    const storage = new RedisContextStorage(client);
    await expect(storage.renew('a', 1, 1)).rejects.toThrow('Redis failed: nobody there');
    expect(evalSha).not.toHaveBeenCalled();
    expect(await storage.renew('a', 1, 1)).toBe(true);
  });

  it('does not do later what has failed while it connected', async () => {
    const { client, evalSha } = fakeRedis({ isOpen: false });
    let connect: ((client: unknown) => void) | undefined;
    client.connect.mockReturnValue(new Promise((resolve) => (connect = resolve)));
    const storage = new RedisContextStorage(client, { commandMs: 20 });
    await expect(storage.remove('a', 1)).rejects.toThrow('within 20 ms');
    connect?.(client);
    await new Promise((resolve) => setImmediate(resolve));
    expect(evalSha).not.toHaveBeenCalled();
  });

  it('leaves a client open that the application has connected', async () => {
    const { client } = fakeRedis();
    const storage = new RedisContextStorage(client);
    await storage.renew('a', 1, 1);
    await storage.close();
    expect(client.close).not.toHaveBeenCalled();
    await expect(storage.renew('a', 1, 1)).rejects.toThrow('the context storage is closed');
  });

  it('destroys a client that does not close', async () => {
    const { client } = fakeRedis({ isOpen: false });
    client.close.mockReturnValue(new Promise(() => undefined));
    const storage = new RedisContextStorage(client, { commandMs: 20 });
    await storage.renew('a', 1, 1000);
    await storage.close();
    expect(client.destroy).toHaveBeenCalledTimes(1);
  });

  it('says so when a key is not its own', async () => {
    const { client, evalSha } = fakeRedis();
    evalSha.mockResolvedValue('OK');
    await expect(new RedisContextStorage(client).claim('a', 1, 1)).rejects.toThrow(
      'do other applications use the same prefix?',
    );
  });
});
