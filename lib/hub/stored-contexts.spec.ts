import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeeperFixture, readCount } from '../../test/support/keeper-fixture.js';
import { nextTurn } from '../../test/support/virtual-socket-fixture.js';
import { MemoryContextStorage } from '../storage/memory-context-storage.js';
import type { StoredContext } from '../storage/context-storage.js';

/** A storage that can be made to fail, or to take its time. */
class TestStorage extends MemoryContextStorage {
  readonly calls: string[] = [];
  fails = false;
  /** Whether it says that it does not have what is to be renewed, once. */
  hasLost = false;
  /** Saves wait for {@link goOn}. */
  isSlow = false;
  private readonly waiting: (() => void)[] = [];

  override async save(id: string, stored: StoredContext, ttlMs: number): Promise<boolean> {
    await this.called(`save ${stored.epoch}/${stored.sequence}`);
    if (this.isSlow) await new Promise<void>((resolve) => void this.waiting.push(resolve));
    return super.save(id, stored, ttlMs);
  }

  override async renew(id: string, epoch: number, ttlMs: number): Promise<boolean> {
    await this.called(`renew ${epoch}`);
    if (this.hasLost) return (this.hasLost = false);
    return super.renew(id, epoch, ttlMs);
  }

  override async remove(id: string, epoch: number): Promise<void> {
    await this.called(`remove ${epoch}`);
    return super.remove(id, epoch);
  }

  goOn(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  take(): string[] {
    return this.calls.splice(0);
  }

  private async called(what: string) {
    this.calls.push(what);
    if (this.fails) throw new Error('it is down');
  }
}

const LEASE_MS = 60_000;

let storage: TestStorage;
let t: KeeperFixture;

/** A server whose connection is stored, with nothing going on. */
async function fixture() {
  const made = new KeeperFixture({ checkpointMs: 10 }, storage, LEASE_MS).entered();
  await nextTurn();
  made.clock.run(10);
  storage.take();
  return made;
}

async function handle(number: number) {
  t.state.count = number;
  t.keeper.messageHandled(number);
  await nextTurn();
}

/** What is stored, as a server with this epoch gets it. */
const claimed = async (epoch: number) =>
  readCount((await t.stored!.claim({ connectionId: 'c1', epoch }))?.context);

beforeEach(async () => {
  storage = new TestStorage();
  t = await fixture();
});
afterEach(() => storage.close());

describe('a stored context', () => {
  it('is what the relay has, and acknowledgements wait for it', async () => {
    storage.isSlow = true;
    await handle(1);
    expect(await t.heard()).toEqual([[1, true]]);
    storage.goOn();
    await nextTurn();
    expect(await t.heard()).toEqual(['ack 1']);
    expect(await claimed(2)).toBe(1);
  });

  it('is saved one at a time, always the latest', async () => {
    storage.isSlow = true;
    for (const number of [1, 2, 3]) {
      await handle(number);
      t.clock.run(10);
    }
    expect(storage.take()).toEqual(['save 1/2']);
    storage.goOn();
    await nextTurn();
    expect(storage.take()).toEqual(['save 1/4']);
    storage.goOn();
    await nextTurn();
    expect(await t.heard()).toEqual([[1, true], [2, true], [3, true], 'ack 1', 'ack 2', 'ack 3']);
  });

  it('is not saved again for what changed nothing', async () => {
    t.keeper.messageHandled(1);
    await nextTurn();
    expect([storage.take(), t.take()]).toEqual([[], ['ack 1']]);
  });

  it('has checkpoint() wait for it', async () => {
    storage.isSlow = true;
    t.state.count = 9;
    let isDone = false;
    const done = t.keeper.checkpoint().then(() => (isDone = true));
    await nextTurn();
    expect(isDone).toBe(false);
    storage.goOn();
    await done;
    expect(await claimed(2)).toBe(9);
  });

  it('does not keep a connection from leaving, which the relay has', async () => {
    storage.isSlow = true;
    await handle(1);
    t.keeper.take();
    expect(await t.heard()).toEqual([[1, true], 'ack 1']);
    storage.goOn();
    await nextTurn();
    expect(t.take()).toEqual([]);
  });

  it('is gone at once when the connection ends, also when a save is under way', async () => {
    storage.isSlow = true;
    await handle(1);
    t.keeper.end(false);
    storage.goOn();
    await nextTurn();
    expect(await claimed(2)).toBeUndefined();
  });

  it('stays when the connection lives on at another server', async () => {
    await handle(1);
    t.keeper.end(true);
    await nextTurn();
    expect(await claimed(2)).toBe(1);
  });

  it('cannot be overwritten by a server that lost the connection, which hears so', async () => {
    await claimed(2);
    t.state.count = 5;
    await expect(t.keeper.checkpoint()).rejects.toThrow('is not in the storage');
    t.keeper.end(false);
    await nextTurn();
    expect(await claimed(2)).toBe(0);
  });

  it('is saved again by a server that kept the connection, above the one that was asked', async () => {
    await handle(1);
    await claimed(2);
    t.link.epoch = 3;
    t.keeper.stays();
    await nextTurn();
    expect(storage.take()).toEqual(['save 1/2', 'save 3/2']);
    expect(await claimed(3)).toBe(1);
  });
});

describe('the lease', () => {
  it('is renewed by one timer while nothing happens', async () => {
    expect(t.clock.timers.size).toBe(1);
    t.clock.run(LEASE_MS / 3);
    await nextTurn();
    expect(storage.take()).toEqual(['renew 1']);
    t.keeper.end(true);
    t.clock.run(LEASE_MS);
    await nextTurn();
    expect([storage.take(), t.clock.timers.size]).toEqual([[], 0]);
  });

  it('that is lost has the context saved again', async () => {
    storage.hasLost = true;
    t.clock.run(LEASE_MS / 3);
    await nextTurn();
    expect(storage.take().slice(0, 2)).toEqual(['renew 1', 'save 1/1']);
  });
});

describe('a storage that fails', () => {
  it('costs no connection anything, is logged now and then and tried again', async () => {
    storage.fails = true;
    for (const number of [1, 2, 3]) {
      await handle(number);
      t.clock.run(10);
      await nextTurn();
    }
    expect((await t.heard()).filter((it) => typeof it === 'string')).toEqual([
      'ack 1',
      'ack 2',
      'ack 3',
    ]);
    // It is left alone for a second after each failure.
    expect(storage.take()).toEqual(['save 1/2']);
    expect(t.log).toEqual([expect.stringMatching(/cannot save a context.*it is down/)]);
    t.clock.run(9000);
    await nextTurn();
    expect(t.log).toHaveLength(1);
    await expect(t.keeper.checkpoint()).rejects.toThrow('context.storage cannot');
  });

  it('gets what it missed when it is back', async () => {
    storage.fails = true;
    await handle(7);
    storage.fails = false;
    t.clock.run(1000);
    await nextTurn();
    expect(t.log.at(-1)).toBe('context.storage works again');
    expect(await claimed(2)).toBe(7);
    expect(t.clock.timers.size).toBe(1);
  });

  it('or never answers is waited for within a limit', async () => {
    storage.isSlow = true;
    await handle(1);
    t.take();
    t.clock.run(5000);
    await nextTurn();
    expect(await t.heard()).toEqual(['ack 1']);
    expect(t.log).toEqual([expect.stringContaining('no answer within 5000 ms')]);
  });

  it('has nothing for a connection that arrives', async () => {
    storage.fails = true;
    await handle(1);
    expect(await claimed(2)).toBeUndefined();
  });
});

it('contexts of connections that end after close() stay', async () => {
  const closing = t.stored!.close();
  t.keeper.end(false);
  await closing;
  expect(storage.take()).toEqual([]);
  await t.stored!.close();
});
