import { concatMap, delay, from, map, Observable, of, range, Subject } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { BatchFixture, settled } from '../../../test/support/batch-fixture.js';
import type { BatchContext } from '../../gateway/batch/batch-context.js';

/** Rows that come when the test says so. */
class Rows {
  private readonly waiting: (() => void)[] = [];
  private free = 0;

  /** Lets handlers go on for this many rows. */
  async release(count: number) {
    for (let i = 0; i < count; i++) {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
      await settled(3);
    }
  }

  next(): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const LAST = 8;

type Order = (rows: Rows, batch: BatchContext, start: number) => unknown;

const ORDERS: Record<string, Order> = {
  'checkpoint, then yield': async function* (rows, batch, start) {
    for (let row = start; row < LAST; row++) {
      batch.checkpoint(row);
      await rows.next();
      yield row;
    }
  },
  'yield, then checkpoint': async function* (rows, batch, start) {
    for (let row = start; row < LAST; row++) {
      await rows.next();
      yield row;
      batch.checkpoint(row + 1);
    }
  },
  'an Observable that checkpoints before': (rows, batch, start) =>
    range(start, LAST - start).pipe(
      concatMap(async (row) => {
        batch.checkpoint(row);
        await rows.next();
        return row;
      }),
    ),
  'an Observable that checkpoints after': (rows, batch, start) =>
    new Observable<number>((subscriber) => {
      const run = async () => {
        for (let row = start; row < LAST && !subscriber.closed; row++) {
          await rows.next();
          subscriber.next(row);
          batch.checkpoint(row + 1);
        }
        subscriber.complete();
      };
      void run();
    }),
  'a promise of an iterable': async (rows, batch, start) =>
    ORDERS['yield, then checkpoint']!(rows, batch, start),
  'a checkpoint every third row': async function* (rows, batch, start) {
    for (let row = start; row < LAST; row++) {
      if (row % 3 === 0) batch.checkpoint(row);
      await rows.next();
      yield row;
    }
  },
};

const exporting = (order: Order) => {
  const rows = new Rows();
  const seen: unknown[] = [];
  const fixture = new BatchFixture({
    export: {
      handle: (batch) => order(rows, batch, 0),
      resume: (batch, cursor: number) => {
        seen.push([batch.resumed, cursor, batch.results]);
        return order(rows, batch, cursor);
      },
    },
  });
  return { rows, fixture, seen };
};

const ALL = Array.from({ length: LAST }, (_, row) => row);

describe('a batch whose connection moves', () => {
  describe.each(Object.keys(ORDERS))('%s', (name) => {
    const order = ORDERS[name]!;

    it.each([0, 1, 2, 3, 5, LAST])('goes on elsewhere after %i rows', async (count) => {
      const { rows, fixture, seen } = exporting(order);
      fixture.send('export');
      await rows.release(count);
      fixture.requestMove();
      await rows.release(LAST);
      await fixture.move();
      await rows.release(LAST);
      expect(fixture.frames).toEqual(ALL);
      expect(fixture.unhandled).toEqual([]);
      for (const [resumed, cursor, results] of seen as [boolean, number, number][]) {
        expect([resumed, results]).toEqual([true, cursor]);
      }
    });

    it('goes on here when the move is given up, before and after it has stopped', async () => {
      const { rows, fixture } = exporting(order);
      fixture.send('export');
      await rows.release(2);
      fixture.requestMove();
      fixture.rollBack();
      await rows.release(1);
      fixture.requestMove();
      await rows.release(3);
      fixture.rollBack();
      await settled();
      fixture.requestMove();
      await rows.release(3);
      await fixture.move();
      await rows.release(LAST);
      expect(fixture.frames).toEqual(ALL);
      expect(fixture.unhandled).toEqual([]);
    });

    it('repeats after a crash only what is above the last checkpoint', async () => {
      const { rows, fixture } = exporting(order);
      fixture.send('export');
      await rows.release(5);
      const { length } = fixture.frames;
      const checkpoint = fixture.server.work.pending[0]?.results ?? 0;
      await fixture.crash();
      await rows.release(2 * LAST);
      expect(fixture.frames).toEqual([...ALL.slice(0, length), ...ALL.slice(checkpoint)]);
    });
  });

  it('stops at once where a checkpoint covers all that was sent', async () => {
    const source = new Subject<string>();
    const watch = (batch: BatchContext) =>
      source.pipe(
        map((value) => {
          queueMicrotask(() => batch.checkpoint('now'));
          return value;
        }),
      );
    const fixture = new BatchFixture({ watch: { handle: watch, resume: watch } });
    fixture.send('watch');
    await settled();
    source.next('a');
    await settled();
    fixture.requestMove();
    expect(source.observed).toBe(false);
    await settled();
    await fixture.move();
    source.next('b');
    expect(fixture.frames).toEqual(['a', 'b']);
  });

  it('sends what is on its way through interceptors before it stops', async () => {
    const fixture = new BatchFixture({
      export: {
        async *handle(batch) {
          for (let row = 0; row < 3; row++) {
            yield row;
            batch.checkpoint(row + 1);
            await batchMoves;
          }
        },
        resume: (_, cursor: number) => of(...[0, 1, 2].slice(cursor)),
      },
    });
    let moves!: () => void;
    const batchMoves = new Promise<void>((resolve) => (moves = resolve));
    const { work } = fixture.server;
    const begin = work.begin.bind(work);
    work.begin = (message) =>
      begin({
        ...message,
        call: async (run) =>
          from((await message.call(run)) as Observable<number>).pipe(
            concatMap((it) => of(it).pipe(delay(1))),
          ),
      });
    fixture.send('export');
    await settled(3);
    fixture.requestMove();
    moves();
    await vi.waitFor(() => expect(fixture.server.isIdle).toBe(true));
    await fixture.move();
    expect(fixture.frames).toEqual([0, 1, 2]);
  });

  it('leaves only when the handler is done with what it does at the checkpoint', async () => {
    const idle: boolean[] = [];
    const source = new Subject<number>();
    const fixture = new BatchFixture({
      watch: {
        handle: (batch) =>
          source.pipe(
            map((value) => {
              batch.checkpoint(value);
              idle.push(fixture.server.isIdle);
              return value;
            }),
          ),
        resume: async (_, cursor: number) => cursor,
      },
    });
    fixture.send('watch');
    await settled();
    fixture.requestMove();
    source.next(1);
    await settled();
    expect([idle, fixture.server.isIdle, fixture.frames]).toEqual([[false], true, []]);
    await fixture.move();
    expect(fixture.frames).toEqual([1]);
  });

  it('does not wait for ever for an iterator that does not end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const fixture = new BatchFixture({
        watch: {
          async *handle(batch) {
            batch.checkpoint(7);
            await new Promise(() => {});
            yield 1;
          },
          resume: (batch, cursor: number) => of(cursor, batch.results),
        },
      });
      fixture.send('watch');
      await settled();
      fixture.requestMove();
      await settled();
      expect(fixture.server.isIdle).toBe(false);
      vi.runAllTimers();
      await settled();
      await fixture.move();
      expect(fixture.frames).toEqual([7, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes no error for one of a handler that was told to stop', async () => {
    const fixture = new BatchFixture({
      watch: {
        async *handle(batch) {
          batch.checkpoint(1);
          await new Promise((_, reject) => {
            batch.migrating.addEventListener('abort', () => reject(new Error('stopped')));
          });
          yield 0;
        },
        resume: async (_, cursor: number) => cursor,
      },
    });
    fixture.send('watch');
    await settled();
    await fixture.deploy();
    expect([fixture.frames, fixture.errors]).toEqual([[1], []]);
  });
});
