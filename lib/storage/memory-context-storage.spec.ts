import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeContextStorage } from '../../test/support/context-storage-suite.js';
import { ContextStorageUnavailableException } from './context-storage-unavailable.exception.js';
import { MemoryContextStorage } from './memory-context-storage.js';

describeContextStorage('MemoryContextStorage', (options) => sharedStorage(options));

/** The suite's storages share what they keep. */
let shared: MemoryContextStorage | undefined;
function sharedStorage(options: { tombstoneMs?: number }): MemoryContextStorage {
  if (options.tombstoneMs) return new MemoryContextStorage(options);
  return (shared ??= new MemoryContextStorage());
}
afterEach(() => (shared = undefined));

describe('MemoryContextStorage', () => {
  const context = new Uint8Array(1000);
  const stored = { epoch: 1, sequence: 1, context };

  afterEach(() => vi.useRealTimers());

  it('takes no more than maxBytes and says so', async () => {
    const storage = new MemoryContextStorage({ maxBytes: 3000 });
    expect(await storage.save('a', stored, 60_000)).toBe(true);
    expect(await storage.save('b', stored, 60_000)).toBe(true);
    const third = storage.save('c', stored, 60_000);
    await expect(third).rejects.toThrow(ContextStorageUnavailableException);
    await expect(third).rejects.toThrow(
      'the context storage in memory is full: 2 connections use its 3000 bytes. Raise maxBytes',
    );
    expect(storage.bytes).toBeLessThanOrEqual(3000);
    expect(await storage.save('a', { ...stored, sequence: 2 }, 60_000)).toBe(true);
    await storage.remove('a', 1);
    expect(await storage.save('c', stored, 60_000)).toBe(true);
    expect(await storage.claim('b', 1, 60_000)).toEqual(stored);
    await storage.close();
    expect(storage.bytes).toBe(0);
  });

  it('makes room of what has expired when it is full', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const storage = new MemoryContextStorage({ maxBytes: 1500 });
    await storage.save('a', stored, 1000);
    await expect(storage.save('b', stored, 1000)).rejects.toThrow('is full');
    vi.advanceTimersByTime(1000);
    expect(await storage.save('b', stored, 1000)).toBe(true);
    await storage.close();
  });

  it('frees what has expired without being asked, and then rests', async () => {
    vi.useFakeTimers();
    const storage = new MemoryContextStorage({ tombstoneMs: 2000 });
    for (let i = 0; i < 100; i++) await storage.save(`c${i}`, stored, 1000);
    await storage.save('longer', stored, 20_000);
    await storage.remove('ended', 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10_000);
    expect(storage.bytes).toBeLessThan(2000);
    expect(storage.bytes).toBeGreaterThan(1000);
    vi.advanceTimersByTime(20_000);
    expect(storage.bytes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    await storage.save('again', stored, 1000);
    expect(vi.getTimerCount()).toBe(1);
    await storage.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives nothing that has expired even when it is not freed yet', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const storage = new MemoryContextStorage();
    await storage.save('a', { ...stored, epoch: 9 }, 1000);
    vi.advanceTimersByTime(999);
    expect(await storage.save('a', stored, 1000)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await storage.claim('a', 1, 1000)).toBeUndefined();
    await storage.close();
  });

  it('counts what it keeps', async () => {
    const storage = new MemoryContextStorage();
    for (let i = 0; i < 50; i++) {
      await storage.save('a', { ...stored, sequence: i }, 60_000);
      await storage.claim('a', 1, 60_000);
      await storage.renew('a', 1, 60_000);
    }
    expect(storage.bytes).toBeGreaterThan(1000);
    expect(storage.bytes).toBeLessThan(1500);
    await storage.remove('a', 1);
    await storage.remove('a', 1);
    expect(storage.bytes).toBeLessThan(500);
    await storage.close();
  });

  it.each([{ maxBytes: 0 }, { maxBytes: NaN }, { tombstoneMs: -1 }])('refuses %j', (options) => {
    expect(() => new MemoryContextStorage(options)).toThrow(RangeError);
  });
});
