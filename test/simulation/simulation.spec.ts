import { describe, expect, it } from 'vitest';
import { EXPECTED_OCCURRENCES, explain, runMany } from './run-many.js';
import { runSchedule } from './schedule.js';

// Two files, so that two workers share the schedules.
describe('invariants of the protocol over random schedules', () => {
  const results = runMany(1, 5200);

  it('hold in each of them', () => {
    expect(results.failures.map(explain)).toEqual([]);
  });

  it.each(EXPECTED_OCCURRENCES)('are tried when this happens: %s', (what) => {
    expect(results.occurred.get(what) ?? 0).toBeGreaterThan(0);
  });
});

describe('a schedule', () => {
  it('is the same each time it is replayed', () => {
    const traces = [1, 2].map(() => {
      const lines: string[] = [];
      runSchedule(42, (line) => lines.push(line));
      return lines;
    });
    expect(traces[0]!.length).toBeGreaterThan(20);
    expect(traces[0]).toEqual(traces[1]);
  });
});
