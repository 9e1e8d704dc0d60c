import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { BatchFixture, settled } from '../../../test/support/batch-fixture.js';
import type { BatchContext } from '../../gateway/batch/batch-context.js';
import { BatchEnded } from '../../gateway/batch/batch-ended.js';
import type { AttentionFormat } from '../../options/index.js';

const setUp = (attention?: AttentionFormat) => {
  const source = new Subject<string>();
  const runs: BatchContext[] = [];
  const watch = (batch: BatchContext) => {
    runs.push(batch);
    return source;
  };
  const fixture = new BatchFixture(
    {
      watch: {
        handle: (batch) => {
          batch.checkpoint('start');
          return watch(batch);
        },
        resume: watch,
      },
      slow: { handle: watch },
      plain: { isBatch: false, handle: watch },
    },
    attention && { attention },
  );
  return { fixture, source, runs };
};

const answer = (id: unknown, found: boolean) => ({ event: 'cancelled', data: { id, found } });

describe('an attention', () => {
  it('cancels a request', async () => {
    const { fixture, source, runs } = setUp();
    fixture.send('watch', {}, 'r1');
    fixture.send('watch', {}, 'r2');
    await settled();
    fixture.send('cancel', { id: 'r1' });
    source.next('row');
    expect(fixture.frames).toEqual([answer('r1', true), 'row']);
    expect(runs.map(({ signal }) => signal.reason as unknown)).toEqual([
      new BatchEnded('cancelled'),
      undefined,
    ]);
    expect(fixture.unhandled.map(({ number }) => number)).toEqual([2]);
    expect(runs.map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
    // Another server would answer it again if this one were lost before.
    expect(fixture.server.urgent).toBe(1);
  });

  it.each([
    ['twice', 'cancel', 'r1', [answer('r1', true), answer('r1', false)]],
    ['of no request', 'cancel', 'r9', [answer('r1', true), answer('r9', false)]],
    ['without an id', 'cancel', undefined, [answer('r1', true)]],
    ['with an id that is none', 'cancel', { a: 1 }, [answer('r1', true)]],
    ['with an id that is too long', 'cancel', 'x'.repeat(129), [answer('r1', true)]],
  ])('%s is answered', async (_, event, id, frames) => {
    const { fixture } = setUp();
    fixture.send('watch', {}, 'r1');
    await settled();
    fixture.send('cancel', { id: 'r1' });
    fixture.send(event, { id });
    await settled();
    expect(fixture.frames).toEqual(frames);
    expect(fixture.unhandled).toEqual([]);
  });

  it('finds requests by an id in their data, as a number too, and answers with the id it got', async () => {
    const { fixture } = setUp();
    fixture.send('watch', { id: 7 });
    await settled();
    fixture.send('cancel', { id: 7 });
    expect(fixture.frames).toEqual([answer(7, true)]);
  });

  it('does not cancel what takes no @Batch()', async () => {
    const { fixture, source } = setUp();
    fixture.send('plain', {}, 'r1');
    await settled();
    fixture.send('cancel', { id: 'r1' });
    source.next('row');
    expect(fixture.frames).toEqual([answer('r1', false), 'row']);
  });

  it('has the shape that the application gives it', async () => {
    const { fixture } = setUp({
      event: 'stop',
      requestId: (message) => (message as { id: string }).id,
      cancelledId: (message) => (message as { data: { call: string } }).data.call,
      answer: (id, found) => ['stopped', id, found],
    });
    fixture.send('watch', {}, 'r1');
    await settled();
    fixture.send('cancel', { id: 'r1' });
    fixture.send('stop', { call: 'r1' });
    expect(fixture.frames).toEqual([['stopped', 'r1', true]]);
  });

  it('cancels a promise, whose value is dropped', async () => {
    let finish!: (value: string) => void;
    const fixture = new BatchFixture({
      work: { handle: () => new Promise((resolve) => (finish = resolve)) },
    });
    fixture.send('work', {}, 1);
    await settled();
    fixture.send('cancel', { id: 1 });
    finish('too late');
    await settled();
    expect([fixture.frames, fixture.server.isIdle]).toEqual([[answer(1, true)], true]);
  });

  it('sends nothing more, also when the handler answers the signal with results', async () => {
    const fixture = new BatchFixture({
      work: {
        handle: (batch) => {
          const source = new Subject<string>();
          batch.signal.addEventListener('abort', () => source.next('aborted'));
          return source;
        },
      },
    });
    fixture.send('work', {}, 1);
    await settled();
    fixture.send('cancel', { id: 1 });
    expect(fixture.frames).toEqual([answer(1, true)]);
  });

  describe('during a move', () => {
    it('lets the connection leave at once and is answered by the next server, once', async () => {
      const { fixture, source } = setUp();
      fixture.send('slow', {}, 'r1');
      await settled();
      fixture.requestMove();
      expect([fixture.server.isIdle, fixture.server.work.wantsFlow]).toEqual([false, true]);
      fixture.send('cancel', { id: 'r1' });
      expect([fixture.server.isIdle, fixture.server.work.wantsFlow]).toEqual([true, false]);
      expect([source.observed, fixture.frames]).toEqual([false, []]);
      await fixture.move();
      expect(fixture.frames).toEqual([answer('r1', true)]);
      await fixture.deploy();
      fixture.send('cancel', { id: 'r1' });
      expect(fixture.frames).toEqual([answer('r1', true), answer('r1', false)]);
      expect(fixture.server.work.cancelled).toEqual([]);
    });

    it('is answered here when the move is given up', async () => {
      const { fixture } = setUp();
      fixture.send('slow', {}, 'r1');
      await settled();
      fixture.requestMove();
      fixture.send('cancel', { id: 'r1' });
      fixture.rollBack();
      expect(fixture.frames).toEqual([answer('r1', true)]);
    });

    it('of a suspended request is for the next server, or for this one if it stays', async () => {
      const { fixture, source } = setUp();
      for (const id of ['r1', 'r2']) fixture.send('watch', {}, id);
      await settled();
      fixture.requestMove();
      await settled();
      fixture.send('cancel', { id: 'r1' });
      expect(fixture.server.work.pending.length).toBe(2);
      fixture.rollBack();
      await settled();
      source.next('row');
      expect(fixture.frames).toEqual([answer('r1', true), 'row']);
      fixture.requestMove();
      fixture.send('cancel', { id: 'r2' });
      await settled();
      await fixture.move();
      expect(fixture.frames).toEqual([answer('r1', true), 'row', answer('r2', true)]);
      expect([source.observed, fixture.unhandled]).toEqual([false, []]);
    });

    it('also ends a suspended request at once while another one is at work', async () => {
      const { fixture } = setUp();
      fixture.send('watch', {}, 'r1');
      fixture.send('slow', {}, 'r2');
      await settled();
      fixture.requestMove();
      await settled();
      fixture.send('cancel', { id: 'r1' });
      expect([fixture.server.work.pending, fixture.server.isIdle]).toEqual([[], false]);
      fixture.send('cancel', { id: 'r2' });
      await fixture.move();
      expect(fixture.frames).toEqual([answer('r1', true), answer('r2', true)]);
    });

    it('is for the request before it, also when its id is used again', async () => {
      const { fixture, runs } = setUp();
      fixture.send('slow', {}, 'r');
      await settled();
      fixture.requestMove();
      fixture.send('cancel', { id: 'r' });
      fixture.send('slow', {}, 'r');
      await fixture.move();
      expect(fixture.frames).toEqual([answer('r', true)]);
      expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
      fixture.send('cancel', { id: 'r' });
      expect(fixture.frames).toEqual([answer('r', true), answer('r', true)]);
    });

    it('outlives a crash', async () => {
      const { fixture, runs } = setUp();
      fixture.send('slow', {}, 'r1');
      await settled();
      fixture.requestMove();
      fixture.send('cancel', { id: 'r1' });
      await fixture.crash();
      expect([fixture.frames, runs.length]).toEqual([[answer('r1', true)], 1]);
    });

    it('is remembered for the last 100 requests', async () => {
      const { fixture } = setUp();
      fixture.send('slow', {}, 'last');
      await settled();
      const { cancelled } = fixture.server.work;
      for (let i = 0; i < 100; i++) cancelled.push(`before ${i}`);
      fixture.requestMove();
      fixture.send('cancel', { id: 'last' });
      expect([cancelled.length, cancelled[0], cancelled[99]]).toEqual([100, 'before 1', 'last']);
    });

    it('in a shape that fails waits for its turn', async () => {
      const { fixture } = setUp({
        event: 'cancel',
        requestId: () => 'r1',
        cancelledId: () => {
          throw new Error('no such message');
        },
        answer: () => null,
      });
      fixture.send('slow');
      await settled();
      fixture.requestMove();
      fixture.send('cancel');
      expect(fixture.server.isIdle).toBe(false);
    });
  });
});
