import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from '../../../test/simulation/virtual-clock.js';
import { encodeFrames } from '../../transport/web-socket/frame-writer.js';
import type { FramePayload, Frames } from '../../transport/web-socket/frame-writer.js';
import { Outbox } from './outbox.js';

/** Has all of them flushed in one turn. @returns what each wrote */
function flush(all: readonly Frames[]): Buffer[] {
  const clock = new VirtualClock();
  const outbox = new Outbox(clock);
  const written: Buffer[] = [];
  clock.after(0, () => {
    for (const frames of all) outbox.add({ flush: () => written.push(outbox.encode(frames)) });
  });
  clock.run(0);
  return written;
}

it('every client gets its own frames, whatever the one before got', () => {
  const payloads = [Buffer.from('a'), Buffer.from('b'), 'a', 'ä', Buffer.alloc(0)];
  const frame = fc.tuple(fc.constantFrom(1, 2), fc.constantFrom<FramePayload>(...payloads));
  const frames = fc.array(frame, { minLength: 1, maxLength: 3 }).map((it) => it.flat());
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 20 }), (all) => {
      expect(flush(all)).toEqual(all.map(encodeFrames));
    }),
  );
});

it('what goes to many is encoded once', () => {
  const [one, two] = [Buffer.from('one'), Buffer.from('two')];
  const [first, second, third] = flush([
    [1, one, 1, two],
    [1, one, 1, two],
    [1, one],
  ]);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

it('bytes that have changed are encoded again in the next turn', () => {
  const clock = new VirtualClock();
  const outbox = new Outbox(clock);
  const payload = Buffer.from('a');
  const written: string[] = [];
  for (const text of ['a', 'b']) {
    payload.write(text);
    const flush = () => written.push(outbox.encode([1, payload]).toString('latin1', 2));
    clock.after(0, () => outbox.add({ flush }));
    clock.run(0);
  }
  expect(written).toEqual(['a', 'b']);
});
