import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InboundProgress } from './inbound-progress.js';

describe('InboundProgress', () => {
  it('begins behind what another server has handled', () => {
    const progress = new InboundProgress(10);
    expect([progress.received, progress.complete, progress.idle]).toEqual([10, 10, true]);
  });

  it('is complete up to the first message that is not', () => {
    const progress = new InboundProgress(0);
    progress.received += 3;
    const numbers = [progress.handOver(), progress.handOver(), progress.handOver()];
    expect([numbers, progress.idle]).toEqual([[1, 2, 3], false]);
    for (const number of [3, 1]) {
      progress.handled();
      progress.markComplete(number);
    }
    expect([progress.complete, progress.ranges, progress.idle]).toEqual([1, [3, 3], false]);
    progress.handled();
    progress.markComplete(2);
    expect([progress.complete, progress.ranges, progress.idle]).toEqual([3, [], true]);
  });

  it('is at work again with what was resumed', () => {
    const progress = new InboundProgress(0);
    progress.received++;
    progress.handOver();
    progress.handled();
    progress.resumed();
    expect([progress.idle, progress.complete]).toEqual([false, 0]);
  });

  it('tells a range that became complete once', () => {
    const progress = new InboundProgress(0);
    progress.received += 2;
    progress.handOver();
    progress.markComplete(progress.handOver());
    expect([progress.takeFresh(), progress.takeFresh()]).toEqual([[2, 2], []]);
    expect(progress.ranges).toEqual([2, 2]);
  });

  it('numbers what comes as the relay does, whenever it is handed over and complete', () => {
    fc.assert(
      fc.property(fc.nat(50), steps, (start, list) => {
        expect(new Run(start).through(list)).toEqual([]);
      }),
    );
  });
});

/** What the relay sends, and what the handlers do meanwhile. */
type Step = 'message' | 'handOver' | { skip: number } | { complete: number };

const steps = fc.array(
  fc.oneof(
    fc.constantFrom<Step>('message', 'handOver'),
    fc.record({ skip: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ complete: fc.nat(20) }),
  ),
  { maxLength: 60 },
);

/** The same with plain lists beside it. */
class Run {
  private readonly progress: InboundProgress;
  private readonly waiting: number[] = [];
  private readonly running: number[] = [];
  private readonly unfinished = new Set<number>();
  private readonly faults: string[] = [];
  private last: number;

  constructor(private readonly start: number) {
    this.progress = new InboundProgress(start);
    this.last = start;
  }

  /** @returns what is not as it should be */
  through(list: readonly Step[]): string[] {
    for (const step of list) {
      this.take(step);
      this.check();
    }
    // Numbers that are skipped count when the next message is handed over, so one ends the run.
    this.take('message');
    while (this.waiting.length > 0) this.take('handOver');
    while (this.running.length > 0) this.take({ complete: 0 });
    const { complete, ranges } = this.progress;
    this.expect(complete === this.last && ranges.length === 0, `complete up to ${complete}`);
    return this.faults;
  }

  private take(step: Step) {
    const { progress, running, waiting } = this;
    if (step === 'message') {
      progress.received++;
      waiting.push(++this.last);
      this.unfinished.add(this.last);
    } else if (step === 'handOver') {
      const next = waiting.shift();
      if (next !== undefined) running.push(this.handOver(next));
    } else if ('skip' in step) {
      progress.skip(step.skip);
      this.last += step.skip;
    } else {
      const [number] = running.splice(step.complete % Math.max(1, running.length), 1);
      if (number !== undefined) this.complete(number);
    }
  }

  private handOver(expected: number): number {
    const number = this.progress.handOver();
    this.expect(number === expected, `${number} handed over, not ${expected}`);
    return number;
  }

  private complete(number: number) {
    this.unfinished.delete(number);
    this.progress.handled();
    this.progress.markComplete(number);
  }

  private check() {
    const { last, progress, running, start, unfinished } = this;
    const { complete, idle, ranges, received } = progress;
    this.expect(received === last, `${received} received of ${last}`);
    this.expect(idle === (running.length === 0), `idle: ${idle}`);
    this.expect(complete >= start, `complete up to ${complete}, below the start`);
    for (const number of unfinished) {
      const inRange = ranges.some(
        (from, i) => i % 2 === 0 && from <= number && number <= ranges[i + 1]!,
      );
      this.expect(number > complete && !inRange, `${number} counts as complete`);
    }
  }

  private expect(holds: boolean, fault: string) {
    if (!holds) this.faults.push(fault);
  }
}
