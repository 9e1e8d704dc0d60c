import { Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BatchFixture, settled } from '../../../test/support/batch-fixture.js';
import type { BatchContext, Suspended } from '../../gateway/batch/batch-context.js';
import { BatchEnded } from '../../gateway/batch/batch-ended.js';

const migrates = ({ migrating }: BatchContext) =>
  new Promise<void>((resolve) => {
    if (migrating.aborted) resolve();
    else migrating.addEventListener('abort', () => resolve());
  });

describe('a batch', () => {
  it.each([
    ['a value', () => 5],
    ['a promise', async () => 5],
    ['an Observable', () => of(5)],
    [
      'an async iterable',
      async function* () {
        yield 5;
      },
    ],
  ])('sends %s and is handled', async (_, handle) => {
    const fixture = new BatchFixture({ work: { handle } });
    fixture.send('work');
    await settled();
    expect([fixture.frames, fixture.unhandled, fixture.server.isIdle]).toEqual([[5], [], true]);
  });

  it('sends neither null nor undefined, and does not count them', async () => {
    const results: number[] = [];
    const fixture = new BatchFixture({
      work: {
        async *handle(batch) {
          for (const value of [null, 0, undefined, '', false]) {
            yield value;
            results.push(batch.results);
          }
        },
      },
    });
    fixture.send('work');
    await settled();
    expect(fixture.frames).toEqual([0, '', false]);
    expect(results).toEqual([0, 1, 1, 2, 3]);
  });

  it('is handled when its stream fails, and says so', async () => {
    const fixture = new BatchFixture({
      observable: { handle: () => throwError(() => new Error('one')) },
      iterable: {
        async *handle() {
          yield 1;
          throw new Error('two');
        },
      },
      promise: { handle: () => Promise.reject(new Error('three')) },
      unsendable: { handle: () => of(1n, 2) },
    });
    for (const event of ['observable', 'iterable', 'promise', 'unsendable']) fixture.send(event);
    await settled();
    expect(fixture.frames.sort()).toEqual([1, 2]);
    expect(fixture.errors.map((error) => (error as Error).message.slice(0, 13)).sort()).toEqual([
      'Do not know h',
      'one',
      'three',
      'two',
    ]);
    expect([fixture.unhandled, fixture.server.isIdle]).toEqual([[], true]);
  });

  it('reads an iterable no faster than its client takes the values', async () => {
    let produced = 0;
    const fixture = new BatchFixture({
      export: {
        async *handle() {
          for (; produced < 10; produced++) yield produced;
        },
      },
    });
    const { server } = fixture;
    fixture.send('export');
    server.bufferedAmount = 1001;
    await settled();
    expect([fixture.frames, produced]).toEqual([[0], 0]);
    server.taken.shift()!();
    await settled();
    expect([fixture.frames, produced]).toEqual([[0, 1], 1]);
    server.bufferedAmount = 1000;
    server.taken.shift()!();
    await settled();
    expect(fixture.frames.length).toBe(10);
  });

  it('does not wait for a slow client on the way to the next checkpoint', async () => {
    const fixture = new BatchFixture({
      export: {
        async *handle(batch) {
          for (let row = 0; row < 10; row++) {
            if (row % 4 === 0) batch.checkpoint(row);
            yield row;
          }
        },
        resume: async (_, cursor: number) => cursor,
      },
    });
    fixture.server.bufferedAmount = 2000;
    fixture.send('export');
    await settled();
    expect(fixture.frames).toEqual([0]);
    await fixture.deploy();
    expect(fixture.frames).toEqual([0, 1, 2, 3, 4]);
  });

  it('but waits when the client would be cut for being too slow', async () => {
    const fixture = new BatchFixture({
      export: {
        async *handle() {
          for (let row = 0; row < 10; row++) yield row;
        },
        resume: async () => undefined,
      },
    });
    fixture.send('export');
    fixture.requestMove();
    fixture.server.bufferedAmount = 5001;
    await settled();
    expect(fixture.frames).toEqual([0]);
  });

  it('ends with the connection', async () => {
    const ended: unknown[] = [];
    const source = new Subject<number>();
    const fixture = new BatchFixture({
      observable: {
        handle: (batch) => {
          batch.signal.addEventListener('abort', () => ended.push(batch.signal.reason));
          return source;
        },
      },
      iterable: {
        async *handle() {
          try {
            yield 1;
            yield 2;
          } finally {
            ended.push('returned');
          }
        },
      },
    });
    fixture.server.bufferedAmount = 2000;
    fixture.send('observable');
    fixture.send('iterable');
    await settled();
    fixture.leave();
    await settled();
    source.next(3);
    expect(ended).toEqual([new BatchEnded('disconnected'), 'returned']);
    expect((ended[0] as BatchEnded).reason).toBe('disconnected');
    expect([fixture.frames, source.observed, fixture.server.isIdle]).toEqual([[1], false, true]);
  });

  it('refuses more than 100 at a time', async () => {
    const source = new Subject<number>();
    const fixture = new BatchFixture({ watch: { handle: () => source } });
    for (let i = 0; i < 101; i++) fixture.send('watch');
    await settled();
    expect(fixture.frames).toEqual([
      {
        event: 'exception',
        data: {
          status: 'error',
          message: 'Too many unfinished requests on this connection: the limit is 100',
          cause: { pattern: 'watch' },
        },
      },
    ]);
    source.complete();
    fixture.send('watch');
    await settled();
    expect([fixture.frames.length, fixture.unhandled]).toEqual([1, []]);
  });
});

describe('a batch that returns a promise', () => {
  const work = (handle: (batch: BatchContext) => unknown, resume?: (...args: never[]) => unknown) =>
    new BatchFixture({ work: { handle, ...(resume && { resume }) } });

  it('suspends itself', async () => {
    const fixture = work(
      async (batch) => {
        await migrates(batch);
        return batch.suspend({ at: new Date(5) });
      },
      async (_, { at }: { at: Date }, data: unknown) => [at.getTime(), data],
    );
    fixture.send('work', 'data');
    await settled();
    await fixture.deploy();
    expect(fixture.frames).toEqual([[5, 'data']]);
  });

  it('is not stopped by a checkpoint, and what it checkpoints outlives a crash', async () => {
    let finish!: () => void;
    const fixture = work(
      async (batch) => {
        batch.checkpoint('first');
        await migrates(batch);
        batch.checkpoint('second');
        await new Promise<void>((resolve) => (finish = resolve));
        return 'done';
      },
      async (_, cursor: string) => cursor,
    );
    fixture.send('work');
    await settled();
    fixture.requestMove();
    await settled();
    expect(fixture.server.isIdle).toBe(false);
    finish();
    await settled();
    expect([fixture.server.isIdle, fixture.frames]).toEqual([true, ['done']]);
    fixture.rollBack();
    fixture.send('work');
    await settled();
    await fixture.crash();
    expect(fixture.frames).toEqual(['done', 'first']);
  });

  it('sends nothing for the value that an interceptor makes of its suspension', async () => {
    const fixture = work(
      async (batch) => {
        await migrates(batch);
        return batch.suspend('here');
      },
      async (_, cursor: string) => cursor,
    );
    const { work: batches } = fixture.server;
    const begin = batches.begin.bind(batches);
    batches.begin = (message) =>
      begin({ ...message, call: async (run) => ({ wrapped: await message.call(run) }) });
    fixture.send('work');
    await settled();
    await fixture.deploy();
    expect(fixture.frames).toEqual(['here']);
  });

  it.each(['generator', 'Observable'])('may be a %s that suspends itself', async (kind) => {
    const suspended = async (batch: BatchContext) => {
      await migrates(batch);
      return batch.suspend('here');
    };
    const fixture = work(
      kind === 'generator'
        ? async function* (batch): AsyncGenerator<number, Suspended> {
            yield 1;
            return suspended(batch);
          }
        : (batch) =>
            new Observable((subscriber) => {
              subscriber.next(1);
              void suspended(batch).then((it) => {
                subscriber.next(it);
                subscriber.next(2);
              });
            }),
      async (batch: BatchContext, cursor: string) => [cursor, batch.results],
    );
    fixture.send('work');
    await settled();
    await fixture.deploy();
    expect(fixture.frames).toEqual([1, ['here', 1]]);
  });

  it('goes on here when the move was given up before it stopped', async () => {
    const fixture = work(
      async (batch) => {
        const { migrating } = batch;
        await migrates(batch);
        await settled(2);
        expect(batch.migrating).not.toBe(migrating);
        return batch.suspend(1);
      },
      async (_, cursor: number) => cursor,
    );
    fixture.send('work');
    await settled();
    fixture.requestMove();
    fixture.rollBack();
    fixture.requestMove();
    fixture.rollBack();
    await settled();
    expect(fixture.errors.map(String)).toEqual([
      'Error: batch.suspend() of "work": the connection was not asked to move. Call it when batch.migrating is aborted',
    ]);
  });

  it('must not suspend without a move, or without a resume handler', async () => {
    const fixture = new BatchFixture({
      unasked: { handle: async (batch) => batch.suspend(1), resume: () => 1 },
      unresumed: { handle: async (batch) => batch.suspend(1) },
      wrong: { handle: async (batch) => batch.checkpoint(Symbol('x')), resume: () => 1 },
    });
    for (const event of ['unasked', 'unresumed', 'wrong']) fixture.send(event);
    await settled();
    expect(fixture.errors.map((error) => (error as Error).message)).toEqual([
      expect.stringContaining('was not asked to move'),
      expect.stringContaining("@OnMigrateResume('unresumed')"),
      expect.stringContaining('cursor'),
    ]);
    expect([fixture.frames, fixture.unhandled]).toEqual([[], []]);
  });

  it('gives the next one the cursor as it was', async () => {
    const cursor = { row: 1 };
    const fixture = work(
      async (batch) => {
        batch.checkpoint(cursor);
        cursor.row = 2;
        await migrates(batch);
        return 'never';
      },
      async (_, given: unknown) => given,
    );
    fixture.send('work');
    await settled();
    await fixture.crash();
    expect(fixture.frames).toEqual([{ row: 1 }]);
  });
});

describe('a resume handler', () => {
  const suspends = async (batch: BatchContext) => {
    await migrates(batch);
    return batch.suspend('c');
  };

  it('that throws ends its message, here and elsewhere', async () => {
    let runs = 0;
    const fixture = new BatchFixture({
      work: {
        handle: suspends,
        resume: async () => {
          runs++;
          throw new Error('cannot resume');
        },
      },
    });
    fixture.send('work');
    await settled();
    await fixture.deploy();
    fixture.send('work');
    await settled();
    fixture.requestMove();
    await settled();
    fixture.rollBack();
    await settled();
    expect([runs, fixture.errors.length, fixture.unhandled]).toEqual([2, 2, []]);
    expect(fixture.server.isIdle).toBe(true);
  });

  it('gets the message as the client sent it, whatever the handler did to it', async () => {
    const fixture = new BatchFixture({
      work: {
        handle: (batch, data: { rows: number[] }) => {
          data.rows.length = 0;
          return suspends(batch);
        },
        resume: async (_, _cursor, data: unknown) => data,
      },
    });
    fixture.send('work', { rows: [1, 2] });
    await settled();
    fixture.requestMove();
    await settled();
    fixture.rollBack();
    await settled();
    expect(fixture.frames).toEqual([{ rows: [1, 2] }]);
  });

  it('that the next server does not have: the client is told', async () => {
    const fixture = new BatchFixture({ work: { handle: suspends, resume: suspends } });
    fixture.send('work', {}, 7);
    await settled();
    fixture.requestMove();
    await settled();
    delete fixture.methods['work']!.resume;
    await fixture.move();
    expect(fixture.frames).toEqual([
      { event: 'migrationEnded', data: { event: 'work', id: 7, reason: 'migration' } },
    ]);
    expect([fixture.errors, fixture.unhandled]).toEqual([['not resumed'], []]);
  });
});

describe('a stream that nobody can resume', () => {
  const stream = (unresumable: 'wait' | 'restart' | 'end', isBatch: boolean) => {
    const source = new Subject<number>();
    const signals: AbortSignal[] = [];
    /** Results sent at the beginning of each run. */
    const begun: number[] = [];
    const fixture = new BatchFixture(
      {
        watch: {
          isBatch,
          handle: (batch) => {
            if (isBatch) signals.push(batch.signal);
            begun.push(isBatch ? batch.results : 0);
            return source;
          },
        },
        ask: { isBatch, handle: () => new Promise((resolve) => (answer = resolve)) },
      },
      { unresumable },
    );
    return { source, fixture, signals, begun };
  };
  let answer!: (value: unknown) => void;

  describe.each([true, false])('with @Batch(): %s', (isBatch) => {
    it('is waited for', async () => {
      const { source, fixture } = stream('wait', isBatch);
      fixture.send('watch');
      await settled();
      source.next(1);
      fixture.requestMove();
      source.next(2);
      expect(fixture.server.isIdle).toBe(false);
      expect(fixture.server.work.waitsFor).toBe('batch watch');
      source.complete();
      await settled();
      await fixture.move();
      expect(fixture.frames).toEqual([1, 2]);
    });

    it('is begun anew', async () => {
      const { source, fixture, begun } = stream('restart', isBatch);
      fixture.send('watch');
      await settled();
      source.next(1);
      fixture.requestMove();
      expect([source.observed, fixture.server.isIdle]).toEqual([false, true]);
      fixture.rollBack();
      await settled();
      source.next(2);
      await fixture.deploy();
      source.next(3);
      source.complete();
      expect([fixture.frames, fixture.unhandled]).toEqual([[1, 2, 3], []]);
      expect(begun).toEqual([0, 0, 0]);
    });

    it('is ended', async () => {
      const { source, fixture, signals } = stream('end', isBatch);
      fixture.send('watch', {}, 'r1');
      await settled();
      fixture.requestMove();
      source.next(2);
      expect(signals.map(({ reason }) => (reason as BatchEnded).reason)).toEqual(
        isBatch ? ['migration'] : [],
      );
      expect([source.observed, fixture.server.isIdle]).toEqual([false, true]);
      await fixture.move();
      expect(fixture.frames).toEqual([
        { event: 'migrationEnded', data: { event: 'watch', id: 'r1', reason: 'migration' } },
      ]);
      expect(fixture.unhandled).toEqual([]);
    });

    it.each(['wait', 'restart', 'end'] as const)('%s: promises are waited for', async (mode) => {
      const { fixture } = stream(mode, isBatch);
      fixture.send('ask');
      await settled();
      fixture.requestMove();
      await settled();
      expect(fixture.server.isIdle).toBe(false);
      answer('here');
      await settled();
      await fixture.move();
      expect(fixture.frames).toEqual(['here']);
    });
  });
});
