import { describe, expect, it } from 'vitest';
import { scenariosWith } from '../scenarios/scenarios.js';
import { evaluate } from './rows.js';
import type { Sample } from './samples.js';
import { toTables, warningOf } from './tables.js';

const scenarios = scenariosWith(30_000);
const sample = (run: number, values: Record<string, number>): Sample => ({
  run,
  scenario: 'echo1',
  subject: 'split',
  values: { rate: 10_000 * run, perCore: 1, 'cpu relay': 4, 'cpu hub': 1.04, ...values },
});
const rowsOf = (...samples: Sample[]) => evaluate(samples, scenarios).rows;

describe('toTables', () => {
  const text = toTables(rowsOf(sample(1, {}), sample(2, {}), sample(3, {})), scenarios);

  it('has a table for what was measured, in columns', () => {
    const lines = text.split('\n');
    expect(lines[0]).toBe('### Throughput');
    expect(new Set(lines.slice(2).map((line) => line.length)).size).toBe(1);
    expect(text).not.toContain('Latency');
  });

  it('shows median, spread and each process', () => {
    expect(text).toContain('| 20,000 (10,000 to 30,000) |');
    expect(text).toContain('| relay 4.0 + hub 1.0 ');
  });
});

describe('warningOf', () => {
  it('tells of other programs', () => {
    expect(warningOf(rowsOf(sample(1, { otherLoad: 0.4 })))).toMatch(/used up to 40 % of a core/);
  });

  it('is silent on a quiet machine', () => {
    expect(warningOf(rowsOf(sample(1, { otherLoad: 0.1 })))).toBeUndefined();
  });
});
