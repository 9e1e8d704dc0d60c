import { describe, expect, it } from 'vitest';
import { pausesOf, percentile, type RoundTrip, summarize } from './pause.js';

function trips(...rows: [sentAt: number, durationMs: number, server: string, tookMs?: number][]) {
  return rows.map(([sentAt, durationMs, server, tookMs = 0]): RoundTrip => ({
    sentAt,
    answeredAt: sentAt + durationMs + tookMs,
    tookMs,
    server,
  }));
}

describe('pausesOf', () => {
  it('is the longest round trip around a change of server, minus the median', () => {
    const list = trips(
      [0, 2, 'a'],
      [2000, 2, 'a'],
      [2200, 52, 'b'],
      [2400, 2, 'b'],
      [9000, 400, 'b'],
      [20_000, 2, 'b'],
    );
    expect(pausesOf(list)).toEqual([50]);
  });

  it('leaves out what the handler waited on purpose', () => {
    expect(pausesOf(trips([0, 2, 'a'], [100, 2, 'a', 30], [200, 5, 'b']))).toEqual([3]);
  });

  it('has one pause per change, and none without', () => {
    expect(pausesOf(trips([0, 2, 'a'], [5000, 3, 'b'], [10_000, 2, 'a']))).toHaveLength(2);
    expect(pausesOf(trips([0, 2, 'a'], [200, 90, 'a']))).toEqual([]);
    expect(pausesOf([])).toEqual([]);
  });
});

describe('percentiles', () => {
  it('are nearest ranks', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([50, 99, 100].map((percent) => percentile(values, percent))).toEqual([50, 99, 100]);
    expect(summarize([])).toEqual({ p50: 0, p99: 0, max: 0 });
    expect(summarize([1.26])).toEqual({ p50: 1.3, p99: 1.3, max: 1.3 });
  });
});
