import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, LatencyHistogram, mergeBuckets, valueOf } from './latency-histogram.js';

const nanoseconds = fc.integer({ min: 0, max: 1e12 });

describe('bucketOf', () => {
  it.each([
    [0, 0],
    [127, 127],
    [128, 128],
    [255, 255],
    [256, 256],
    [257, 256],
    [258, 257],
    [1_000_000, 1780],
  ])('%i is in bucket %i', (value, bucket) => {
    expect(bucketOf(value)).toBe(bucket);
  });

  it('keeps the order', () => {
    fc.assert(
      fc.property(nanoseconds, nanoseconds, (a, b) => {
        expect(Math.sign(bucketOf(a) - bucketOf(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('has buckets whose middle is within 1/128 of their values', () => {
    fc.assert(
      fc.property(nanoseconds, (value) => {
        expect(Math.abs(valueOf(bucketOf(value)) - value)).toBeLessThanOrEqual(value / 128);
      }),
    );
  });
});

describe('LatencyHistogram', () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 100; value += 1) histogram.record(value);

  it.each([
    [0.01, 1],
    [0.5, 50],
    [0.99, 99],
    [0.999, 100],
    [1, 100],
  ])('has percentile %f', (share, value) => {
    expect(histogram.percentile(share)).toBe(value);
  });

  it('goes from one process to another', () => {
    const copy = LatencyHistogram.from(histogram.buckets());
    expect(copy.total).toBe(100);
    expect(copy.buckets()).toEqual(histogram.buckets());
  });

  it('can be merged with others', () => {
    const other = new LatencyHistogram();
    for (const value of [100, 1000]) other.record(value);
    const merged = LatencyHistogram.from(mergeBuckets([other.buckets(), histogram.buckets()]));
    expect(merged.total).toBe(102);
    expect(merged.percentile(1)).toBeCloseTo(1000, -1);
    expect(merged.percentile(0.98)).toBe(100);
    expect(mergeBuckets([])).toEqual([]);
  });

  it('has no percentile of nothing', () => {
    expect(() => new LatencyHistogram().percentile(0.5)).toThrow(RangeError);
  });
});
