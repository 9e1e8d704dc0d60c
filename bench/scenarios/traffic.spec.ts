import { describe, expect, it } from 'vitest';
import { bucketOf } from '../load/latency-histogram.js';
import { type Slice, slicesOf, valuesOf } from './traffic.js';

function slice(
  messages: number,
  seconds: number,
  relay: number,
  latencyNs: number,
  busy: readonly number[] = [],
): Slice {
  const byRole = new Map([
    ['relay', relay],
    ['hub', 100],
  ]);
  return {
    messages,
    seconds,
    generatorShare: seconds / 10,
    used: { byRole, micros: relay + 100, ownShare: 0.5, busy },
    latencies: [[bucketOf(latencyNs), messages]],
  };
}

it('divides the time into slices of about half a second, at least one', () => {
  expect(slicesOf(3000)).toEqual([500, 500, 500, 500, 500, 500]);
  expect(slicesOf(1100)).toEqual([550, 550]);
  expect(slicesOf(100)).toEqual([100]);
});

describe('slices together', () => {
  const slices = [slice(100, 1, 300, 1000, [0.6, 0.2]), slice(300, 3, 1100, 100_000, [0.8, 0.5])];

  it('have the messages and the CPU time of all', () => {
    expect(valuesOf(slices, false)).toEqual({
      rate: 100,
      perCore: (400 / 1600) * 1e6,
      'cpu relay': 3.5,
      'cpu hub': 0.5,
      generatorShare: expect.closeTo(0.2),
      otherLoad: expect.closeTo(0.2),
    });
  });

  it('have the latencies of all messages', () => {
    const { p50, p99 } = valuesOf(slices, true);
    expect(p50).toBeCloseTo(100, 0);
    expect(p99).toBe(p50);
    expect(valuesOf([slice(300, 1, 1, 1000), slice(100, 1, 1, 1e6)], true)).toMatchObject({
      p50: expect.closeTo(1, 1),
      p99: expect.closeTo(1000, -1),
    });
  });

  it('must have messages', () => {
    expect(() => valuesOf([slice(0, 1, 0, 1)], false)).toThrow('no message came');
  });
});
