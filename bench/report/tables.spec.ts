import { describe, expect, it } from 'vitest';
import { evaluate } from './rows.js';
import type { Sample } from './samples.js';
import { toTables, warningOf } from './tables.js';

const sample = (run: number, values: Record<string, number>): Sample => ({
  run,
  scenario: 'echo1',
  subject: 'split',
  values: { rate: 10_000 * run, perCore: 1, 'cpu relay': 4, 'cpu hub': 1.04, ...values },
});
const rowsOf = (...samples: Sample[]) => evaluate(samples).rows;

describe('toTables', () => {
  const text = toTables(rowsOf(sample(1, {}), sample(2, {}), sample(3, {})));

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

  it('shows what served how many clients, and how the cost grows', () => {
    const scale = (scenario: 'scale1000' | 'scale30000', perCore: number, relays: number) => ({
      run: 1,
      scenario,
      subject: 'split' as const,
      values: { rate: perCore, perCore },
      topology: { clients: Number(scenario.slice(5)), relays, generators: relays },
    });
    const text = toTables(rowsOf(scale('scale1000', 50_000, 1), scale('scale30000', 45_000, 2)));
    expect(text).toMatch(/\| 1,000 +\| 1 relay \+ 1 hub server +\| 50,000 +\| 1\.00 /);
    expect(text).toMatch(
      /\| 30,000 +\| 2 relays with 15,000 each \+ 1 hub server +\| 45,000 +\| 0\.90 /,
    );
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
