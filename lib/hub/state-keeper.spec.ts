import { beforeEach, describe, expect, it } from 'vitest';
import { Counter, KeeperFixture } from '../../test/support/keeper-fixture.js';
import { StateTooLargeException } from '../gateway/exceptions/state-too-large.exception.js';
import { decodeContext } from '../gateway/state/context-codec.js';

let t: KeeperFixture;

beforeEach(() => {
  t = new KeeperFixture({ checkpointMs: 200, maxBytes: 200 }).entered();
});

/** A handler changed the count. */
function handle(number: number, count = number) {
  t.state.count = count;
  t.keeper.messageHandled(number);
}

describe('StateKeeper', () => {
  it('writes what a new client begins with', async () => {
    t = new KeeperFixture();
    t.keeper.begin({ state: new Counter() });
    expect(t.take()).toEqual([]);
    t.keeper.enter();
    expect(await t.heard()).toEqual([[0, true]]);
  });

  it('writes a change at once, before the acknowledgement, then at most every checkpointMs', async () => {
    handle(1);
    expect(await t.heard()).toEqual([[1, true], 'ack 1']);
    handle(2);
    handle(3);
    t.clock.run(199);
    expect(await t.heard()).toEqual([]);
    t.clock.run(1);
    expect(await t.heard()).toEqual([[3, true], 'ack 2', 'ack 3']);
    t.clock.run(200);
    handle(4);
    expect(await t.heard()).toEqual([[4, true], 'ack 4']);
  });

  it('does not wait with what comes next when it is in a hurry', async () => {
    handle(1);
    handle(2);
    t.take();
    t.keeper.hurry();
    handle(3);
    expect(await t.heard()).toEqual([[3, true], 'ack 2', 'ack 3']);
    handle(4);
    expect(await t.heard()).toEqual([]);
  });

  it('acknowledges what changed nothing without a checkpoint', async () => {
    t.keeper.messageHandled(1);
    expect(await t.heard()).toEqual(['ack 1']);
  });

  it('has no timer while nothing happens', () => {
    handle(1);
    t.clock.run(1000);
    expect(t.clock.timers.size).toBe(0);
  });

  it('writes with checkpointMs 0 after every message', async () => {
    t = new KeeperFixture({ checkpointMs: 0 }).entered();
    handle(1);
    handle(2);
    expect(await t.heard()).toEqual([[1, true], 'ack 1', [2, true], 'ack 2']);
  });

  it('writes a state that is set while no handler is at work at once', async () => {
    t.keeper.state = Object.assign(new Counter(), { count: 7 });
    expect(await t.heard()).toEqual([[7, true]]);
  });

  it('writes what a handler sets when it is done, or after checkpointMs', async () => {
    t.link.isAtWork = true;
    t.keeper.state = Object.assign(new Counter(), { count: 7 });
    t.clock.run(199);
    expect(await t.heard()).toEqual([]);
    t.clock.run(1);
    expect(await t.heard()).toEqual([[7, true]]);
    t.clock.run(200);
    t.keeper.state = Object.assign(new Counter(), { count: 8 });
    handle(1, 9);
    expect(await t.heard()).toEqual([[9, true], 'ack 1']);
  });

  it('writes at once when it is told to', async () => {
    handle(1);
    t.state.count = 5;
    await t.keeper.checkpoint();
    expect(await t.heard()).toEqual([[1, true], 'ack 1', [5, true]]);
    await t.keeper.checkpoint();
    expect(t.take()).toEqual([]);
  });

  it('gives the context with which the connection leaves, everything acknowledged', async () => {
    handle(1);
    handle(2);
    const context = t.keeper.take();
    expect(await t.heard()).toEqual([[1, true], 'ack 1', [2, true], 'ack 2']);
    expect(decodeContext(context!)).toMatchObject({ version: 1 });
    expect(t.keeper.take()).toBe(context);
    expect(t.take()).toEqual([]);
  });

  it('has unfinished batches and cancelled requests in the context', () => {
    t.connection.pending.push({ number: 3, cursor: { row: 7 }, results: 2 });
    t.connection.cancelled.push('r1');
    t.keeper.changed();
    const [said] = t.take() as { context: Uint8Array }[];
    expect(decodeContext(said!.context)).toMatchObject({
      batches: [{ number: 3, cursor: { row: 7 }, results: 2 }],
      cancelled: ['r1'],
    });
  });

  it('says that the connection may not move, and that it may', async () => {
    t.connection.movable = false;
    t.keeper.movableChanged();
    t.connection.movable = true;
    t.keeper.movableChanged();
    expect(await t.heard()).toEqual([
      [0, false],
      [0, true],
    ]);
  });

  it('does nothing after the end', async () => {
    handle(1);
    handle(2);
    t.take();
    t.keeper.end(false);
    t.keeper.messageHandled(3);
    t.clock.run(1000);
    expect(t.take()).toEqual([]);
    await expect(t.keeper.checkpoint()).rejects.toThrow('not on this hub server any more');
  });
});

describe('a state that does not fit', () => {
  const large = () => Object.assign(new Counter(), { text: 'x'.repeat(300) });

  it('is refused when it is set, with the sizes; the former one stays', async () => {
    t.state.count = 3;
    const before = t.state;
    const set = () => (t.keeper.state = large());
    expect(set).toThrow(StateTooLargeException);
    expect(set).toThrow(/^The state of connection c1 has 3\d\d bytes, context.maxBytes is 200$/);
    expect(t.keeper.state).toBe(before);
    expect(() => (t.keeper.state = new Date())).toThrow('must be an instance of Counter');
    expect([t.take(), t.faults]).toEqual([[], []]);
  });

  it('keeps the connection here with the last one that fitted, and says so once', async () => {
    t.state.count = 1;
    t.keeper.messageHandled(1);
    t.state.text = large().text;
    handle(2);
    t.clock.run(200);
    expect(await t.heard()).toEqual([[1, true], 'ack 1', [1, false], 'ack 2']);
    expect(t.faults).toEqual([
      [expect.stringContaining('cannot move until'), expect.any(StateTooLargeException)],
    ]);
    expect(t.keeper.unfit).toBeInstanceOf(StateTooLargeException);
    await expect(t.keeper.checkpoint()).rejects.toThrow(StateTooLargeException);
    expect(() => t.keeper.take()).toThrow(StateTooLargeException);
    expect(t.take()).toEqual([]);
  });

  it('lets it move again once it fits', async () => {
    t.state.text = large().text;
    t.keeper.messageHandled(1);
    t.state.text = '';
    t.clock.run(200);
    t.keeper.messageHandled(2);
    expect(await t.heard()).toEqual([[0, false], 'ack 1', [0, true], 'ack 2']);
    expect(t.keeper.unfit).toBeUndefined();
    t.state.text = large().text;
    await expect(t.keeper.checkpoint()).rejects.toThrow(StateTooLargeException);
    expect(t.faults).toHaveLength(1);
  });

  it('or that cannot travel is treated alike', async () => {
    Object.assign(t.state, { text: () => 'code' });
    await expect(t.keeper.checkpoint()).rejects.toThrow('state.text');
    expect(await t.heard()).toEqual([[0, false]]);
  });
});

describe('a connection that came with a context', () => {
  it('has that context, and writes nothing until it changes', async () => {
    const origin = new KeeperFixture().entered();
    origin.state.count = 4;
    const bytes = origin.keeper.take()!;
    const state = Object.assign(new Counter(), { count: 4 });
    t.keeper.begin({ state, came: { bytes, written: bytes, sequence: 2, stored: false } });
    t.keeper.changed();
    expect(t.take()).toEqual([]);
    expect(t.keeper.take()).toBe(bytes);
    handle(5);
    t.clock.run(200);
    expect(await t.heard()).toEqual([[5, true], 'ack 5']);
  });
});
