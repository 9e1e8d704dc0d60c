import { type ContextStorage, ContextStorageUnavailableException } from 'nestjs-ws-migration';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from './until.js';

interface OpenOptions {
  readonly tombstoneMs?: number;
}

const LONG_MS = 600_000;
/** A lease that ends while a test waits for it. */
const SHORT_MS = 200;
let connections = 0;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/**
 * What every context storage does.
 * @param open gives storages that share what they keep; the suite closes them
 */
export function describeContextStorage(
  name: string,
  open: (options: OpenOptions) => Promise<ContextStorage> | ContextStorage,
): void {
  describe(`${name} as a context storage`, () => {
    let storage: ContextStorage;
    let id: string;
    const opened: ContextStorage[] = [];

    const openOne = async (options: OpenOptions = {}): Promise<ContextStorage> => {
      const one = await open(options);
      opened.push(one);
      return one;
    };
    const save = (
      epoch: number,
      sequence: number,
      ttlMs = LONG_MS,
      text = `${epoch}/${sequence}`,
    ) => storage.save(id, { epoch, sequence, context: bytes(text) }, ttlMs);
    const stale = (epoch: number, storedEpoch: number, removed: boolean) =>
      expect.objectContaining({
        name: 'StaleEpochException',
        connectionId: id,
        epoch,
        storedEpoch,
        removed,
      });

    beforeEach(async () => {
      id = `connection-${process.pid}-${++connections}`;
      storage = await openOne();
    });

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()));
    });

    it('gives what was saved, byte for byte, to who claims it', async () => {
      const context = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
      expect(await storage.save(id, { epoch: 1, sequence: 1, context }, LONG_MS)).toBe(true);
      const stored = await storage.claim(id, 2, LONG_MS);
      expect(stored).toStrictEqual({ epoch: 1, sequence: 1, context });
    });

    it('keeps 500 KB, and nothing at all', async () => {
      for (const [sequence, length] of [500_000, 0].entries()) {
        const context = new Uint8Array(length).fill(7);
        await storage.save(id, { epoch: 1, sequence, context }, LONG_MS);
        expect(await storage.claim(id, 1, LONG_MS)).toStrictEqual({ epoch: 1, sequence, context });
      }
    });

    it('keeps bytes of its own', async () => {
      const context = bytes('abc');
      await storage.save(id, { epoch: 1, sequence: 1, context: context.subarray(1) }, LONG_MS);
      context.fill(0);
      const stored = await storage.claim(id, 1, LONG_MS);
      expect(stored?.context).toEqual(bytes('bc'));
      stored?.context.fill(0);
      expect((await storage.claim(id, 1, LONG_MS))?.context).toEqual(bytes('bc'));
    });

    it('tells connections apart', async () => {
      await save(1, 1);
      const other = `${id}:other`;
      expect(await storage.claim(other, 1, LONG_MS)).toBeUndefined();
      await storage.remove(other, 5);
      expect(await save(1, 2)).toBe(true);
    });

    it('takes sequences of one epoch in growing order only', async () => {
      expect(await save(3, 5)).toBe(true);
      expect(await save(3, 5)).toBe(false);
      expect(await save(3, 4)).toBe(false);
      expect(await save(3, 10)).toBe(true);
      expect(await storage.claim(id, 3, LONG_MS)).toMatchObject({ epoch: 3, sequence: 10 });
    });

    it('takes a higher epoch with any sequence, and a lower one never', async () => {
      expect(await save(3, 500)).toBe(true);
      expect(await save(4, 0)).toBe(true);
      expect(await save(3, 501)).toBe(false);
      expect(await storage.claim(id, 4, LONG_MS)).toMatchObject({ epoch: 4, sequence: 0 });
    });

    it('compares numbers, not texts', async () => {
      expect(await save(9, 9)).toBe(true);
      expect(await save(9, 10)).toBe(true);
      expect(await save(10, 1)).toBe(true);
      expect(await save(9, 11)).toBe(false);
      expect(await save(2 ** 32, 2 ** 53 - 1)).toBe(true);
      expect(await save(2 ** 32, 2 ** 53 - 2)).toBe(false);
      expect(await storage.claim(id, 2 ** 33, LONG_MS)).toMatchObject({
        epoch: 2 ** 32,
        sequence: 2 ** 53 - 1,
      });
    });

    it('fences lower epochs off when it is claimed', async () => {
      await save(1, 1);
      expect(await storage.claim(id, 3, LONG_MS)).toMatchObject({ epoch: 1, sequence: 1 });
      expect(await save(1, 2)).toBe(false);
      expect(await save(2, 1)).toBe(false);
      expect(await storage.renew(id, 2, LONG_MS)).toBe(false);
      await expect(storage.claim(id, 2, LONG_MS)).rejects.toThrow(stale(2, 3, false));
      expect(await storage.claim(id, 3, LONG_MS)).toMatchObject({ epoch: 1, sequence: 1 });
      expect(await save(3, 1)).toBe(true);
    });

    it('fences lower epochs off when there was nothing to claim', async () => {
      expect(await storage.claim(id, 2, LONG_MS)).toBeUndefined();
      expect(await save(1, 1)).toBe(false);
      expect(await storage.renew(id, 2, LONG_MS)).toBe(true);
      expect(await save(2, 1)).toBe(true);
    });

    it('lets one of several claim a connection', async () => {
      await save(1, 1);
      const epochs = [5, 2, 4, 3];
      const claims = await Promise.allSettled(
        epochs.map((epoch) => storage.claim(id, epoch, LONG_MS)),
      );
      expect(claims[0]).toMatchObject({ status: 'fulfilled', value: { epoch: 1 } });
      for (const epoch of epochs) expect(await save(epoch, 1)).toBe(epoch === 5);
    });

    it('does not renew what is not there', async () => {
      expect(await storage.renew(id, 1, LONG_MS)).toBe(false);
      expect(await save(0, 0)).toBe(true);
      expect(await storage.renew(id, 0, LONG_MS)).toBe(true);
    });

    it('has nothing left of a removed connection, and keeps a zombie from bringing it back', async () => {
      await save(2, 1);
      await storage.remove(id, 2);
      expect(await save(2, 2)).toBe(false);
      expect(await save(1, 9)).toBe(false);
      expect(await storage.renew(id, 2, LONG_MS)).toBe(false);
      await expect(storage.claim(id, 2, LONG_MS)).rejects.toThrow(stale(2, 2, true));
      expect(await storage.claim(id, 3, LONG_MS)).toBeUndefined();
      expect(await save(2, 3)).toBe(false);
      expect(await save(3, 1)).toBe(true);
    });

    it('remembers the end of a connection that was never saved', async () => {
      await storage.remove(id, 4);
      expect(await save(4, 1)).toBe(false);
      expect(await save(5, 1)).toBe(true);
      expect(await storage.claim(id, 5, LONG_MS)).toMatchObject({ epoch: 5, sequence: 1 });
    });

    it('does not remove what a higher epoch has', async () => {
      await save(1, 1);
      await storage.claim(id, 2, LONG_MS);
      await storage.remove(id, 1);
      expect(await storage.claim(id, 2, LONG_MS)).toMatchObject({ epoch: 1, sequence: 1 });
      await save(2, 1);
      await storage.remove(id, 3);
      await storage.remove(id, 2);
      expect(await save(3, 1)).toBe(false);
    });

    it('keeps the highest of concurrent saves', async () => {
      const second = await openOne();
      const saves = Array.from({ length: 300 }, (_, i) => ({
        epoch: 1 + (i % 3),
        sequence: (i * 7919) % 300,
      }));
      const results = await Promise.all(
        saves.map((it, i) => {
          const context = bytes(`${it.epoch}/${it.sequence}`);
          return [storage, second][i % 2]!.save(id, { ...it, context }, LONG_MS);
        }),
      );
      const [best] = saves.toSorted((a, b) => b.epoch - a.epoch || b.sequence - a.sequence);
      expect(await second.claim(id, 9, LONG_MS)).toStrictEqual({
        ...best,
        context: bytes(`${best!.epoch}/${best!.sequence}`),
      });
      expect(results[saves.indexOf(best!)]).toBe(true);
    });

    it('forgets an orphan and its fence when the lease is over', async () => {
      await save(3, 3, SHORT_MS);
      await until(async () => expect(await save(1, 1)).toBe(true));
    });

    it('forgets what was claimed and never saved', async () => {
      await storage.claim(id, 3, SHORT_MS);
      await until(async () => expect(await save(1, 1)).toBe(true));
    });

    it('forgets that a connection has ended after a while', async () => {
      storage = await openOne({ tombstoneMs: SHORT_MS });
      await storage.remove(id, 3);
      await until(async () => expect(await save(3, 1)).toBe(true));
    });

    it('keeps a context longer after a renewal, a save and a claim', async () => {
      const whole = 10 * SHORT_MS;
      const renewals: Record<string, (it: string) => Promise<unknown>> = {
        renewed: (it) => storage.renew(it, 1, LONG_MS),
        saved: (it) => storage.save(it, { epoch: 1, sequence: 2, context }, LONG_MS),
        claimed: (it) => storage.claim(it, 1, LONG_MS),
        witness: async () => undefined,
      };
      const context = bytes('x');
      for (const [name, renewal] of Object.entries(renewals)) {
        await storage.save(id + name, { epoch: 1, sequence: 1, context }, whole);
        await renewal(id + name);
      }
      await until(async () =>
        expect(await storage.save(`${id}witness`, { epoch: 0, sequence: 0, context }, 1)).toBe(
          true,
        ),
      );
      for (const name of ['renewed', 'saved', 'claimed']) {
        expect(await storage.claim(id + name, 1, LONG_MS)).toMatchObject({ epoch: 1 });
      }
    });

    it.each<[string, () => Promise<unknown>]>([
      ['an empty id', () => storage.renew('', 1, 1)],
      ['a negative epoch', () => storage.claim(id, -1, 1)],
      ['half an epoch', () => storage.remove(id, 1.5)],
      ['no lease', () => storage.renew(id, 1, 0)],
      ['an endless lease', () => storage.claim(id, 1, Infinity)],
      ['a sequence that is no number', () => save(1, NaN)],
    ])('refuses %s', async (_, call) => {
      await expect(call()).rejects.toThrow(RangeError);
    });

    it('can be closed twice, and then does nothing', async () => {
      await Promise.all([storage.close(), storage.close()]);
      await storage.close();
      for (const call of [
        () => save(1, 1),
        () => storage.claim(id, 1, LONG_MS),
        () => storage.renew(id, 1, LONG_MS),
        () => storage.remove(id, 1),
      ]) {
        await expect(call()).rejects.toThrow(ContextStorageUnavailableException);
      }
    });
  });
}
