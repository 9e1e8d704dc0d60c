import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACE_MS, Pacer, USABLE } from './pacer.js';

/** How much is begun in each step until nothing waits. */
function steps(perSecond: number, work: number, timeMs: number): number[] {
  const pacer = new Pacer(perSecond);
  const begun: number[] = [];
  for (let waiting = work, leftMs = timeMs; waiting > 0; leftMs -= PACE_MS) {
    pacer.refill(waiting, Math.max(0, leftMs));
    let now = 0;
    for (; waiting > 0 && pacer.allows; waiting--, now++) pacer.spend();
    begun.push(now);
    if (begun.length > 100_000) throw new Error('the work does not come to an end');
  }
  return begun;
}

describe('Pacer', () => {
  it('begins at the rate', () => {
    expect(steps(100, 10, 60_000)).toEqual([2, 2, 2, 2, 2]);
  });

  it('begins less than one a step at a low rate', () => {
    const begun = steps(10, 5, 60_000);
    expect(begun.length).toBeGreaterThanOrEqual(21);
    expect(Math.max(...begun)).toBe(1);
  });

  it('begins everything when there is no time', () => {
    expect(steps(1, 500, 0)).toEqual([500]);
  });

  it('saves nothing up while nothing waits', () => {
    const pacer = new Pacer(100);
    for (let i = 0; i < 100; i++) pacer.refill(0, 60_000);
    let begun = 0;
    for (; pacer.allows; begun++) pacer.spend();
    expect(begun).toBe(2);
  });

  it('has begun all in the usable part of the time, and not much at once', () => {
    const rates = fc.integer({ min: 1, max: 2000 });
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 500, max: 60_000 }),
        (perSecond, work, timeMs) => {
          const begun = steps(perSecond, work, timeMs);
          expect((begun.length - 1) * PACE_MS).toBeLessThanOrEqual(timeMs);
          const even = (work * PACE_MS) / (timeMs * USABLE);
          const most = Math.max((perSecond * PACE_MS) / 1000, even);
          expect(begun[0]).toBeLessThanOrEqual(Math.ceil(most));
        },
      ),
    );
  });
});
