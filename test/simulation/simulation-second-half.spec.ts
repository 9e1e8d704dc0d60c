import { describe, expect, it } from 'vitest';
import { EXPECTED_OCCURRENCES, explain, runMany } from './run-many.js';

// Two files, so that two workers share the schedules.
describe('invariants of the protocol over random schedules', () => {
  const results = runMany(1_000_001, 5200);

  it('hold in each of them', () => {
    expect(results.failures.map(explain)).toEqual([]);
  });

  it.each(EXPECTED_OCCURRENCES)('are tried when this happens: %s', (what) => {
    expect(results.occurred.get(what) ?? 0).toBeGreaterThan(0);
  });
});
