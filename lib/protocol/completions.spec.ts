import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Completions } from './completions.js';

const numbersIn = (ranges: readonly number[]) =>
  ranges.flatMap((first, i) =>
    i % 2 === 0 ? Array.from({ length: ranges[i + 1]! - first + 1 }, (_, n) => first + n) : [],
  );

describe('Completions', () => {
  it('agree with a set of numbers, in any order of completion', () => {
    const order = fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 40 })).chain(([start, length]) =>
      fc.record({
        start: fc.constant(start),
        numbers: fc.shuffledSubarray(Array.from({ length }, (_, i) => start + 1 + i)),
        askEvery: fc.integer({ min: 1, max: 10 }),
      }),
    );
    fc.assert(
      fc.property(order, ({ start, numbers, askEvery }) => {
        const completions = new Completions(start);
        const complete = new Set<number>();
        const told = new Set<number>();
        const said: (readonly number[])[] = [];
        const copies: number[][] = [];
        let count = start;
        for (const [i, number] of numbers.entries()) {
          completions.complete(number);
          complete.add(number);
          while (complete.has(count + 1)) count++;
          expect(completions.count).toBe(count);
          if ((i + 1) % askEvery !== 0) continue;
          const fresh = completions.takeFresh();
          said.push(fresh, completions.ranges);
          copies.push([...fresh], [...completions.ranges]);
          expect([...fresh]).toEqual([...fresh].sort((a, b) => a - b));
          expect(fresh[0] ?? count + 1).toBeGreaterThan(count);
          for (const it of numbersIn(fresh)) {
            expect(complete.has(it)).toBe(true);
            expect(told.has(it)).toBe(false);
            told.add(it);
          }
          for (const it of complete) expect(it <= count || told.has(it)).toBe(true);
        }
        // A transport may keep what was said for a while.
        expect(said).toEqual(copies);
      }),
      { numRuns: 500 },
    );
  });

  it('join ranges that touch', () => {
    const completions = new Completions(0);
    for (const number of [3, 5, 4, 9]) completions.complete(number);
    expect(completions.takeFresh()).toEqual([3, 5, 9, 9]);
    completions.complete(1);
    completions.complete(2);
    expect(completions.count).toBe(5);
    expect(completions.takeFresh()).toEqual([]);
  });
});
