import { describe, expect, it } from 'vitest';
import type { SubjectId } from '../subjects/subjects.js';
import { evaluate } from './rows.js';
import type { Sample } from './samples.js';

const echo = (subject: SubjectId, run: number, rate: number, share = 0.5): Sample => ({
  run,
  scenario: 'echo1',
  subject,
  values: { rate, perCore: rate * 2, generatorShare: share },
});
const samples = [
  echo('stock', 0, 10_000),
  echo('split', 0, 20_000),
  echo('split', 1, 10_000),
  echo('stock', 1, 20_000),
  echo('stock', 2, 10_000),
  echo('split', 2, 15_000),
];

describe('evaluate', () => {
  it('compares the runs with the stock gateway of the same run', () => {
    const { rows, problems } = evaluate(samples);
    expect(problems).toEqual([]);
    expect(rows).toMatchObject([
      { subject: 'stock', runs: 3, ratio: { median: 1, min: 1, max: 1 } },
      {
        subject: 'split',
        values: { rate: { median: 15_000, min: 10_000, max: 20_000 } },
        ratio: { median: 1.5, min: 0.5, max: 2 },
        cpuRatio: { median: 1.5, min: 0.5, max: 2 },
      },
    ]);
  });

  it('has ratios above 1 for less latency and memory', () => {
    const at = (subject: SubjectId, p50: number): Sample => ({
      run: 0,
      scenario: 'rate1000',
      subject,
      values: { p50 },
    });
    const { rows } = evaluate([at('stock', 60), at('split', 40)]);
    expect(rows[1]!.ratio).toEqual({ median: 1.5, min: 1.5, max: 1.5 });
    expect(rows[1]).not.toHaveProperty('cpuRatio');
  });

  it('leaves out a run in which the load generator was busy', () => {
    const busy = [...samples.slice(0, -1), echo('split', 2, 15_000, 0.91)];
    const { rows, problems } = evaluate(busy);
    expect(rows[1]).toMatchObject({ runs: 2, ratio: { min: 0.5, max: 2 } });
    expect(problems).toEqual([
      expect.stringMatching(/1 outstanding, relay \+ hub, run 3: the load generator used 91 %/),
    ]);
  });

  it('has no ratios to a base that does not count', () => {
    const { rows } = evaluate([echo('stock', 0, 1, 0.95), echo('split', 0, 1)]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).not.toHaveProperty('ratio');
  });

  it('names what failed', () => {
    const failed: Sample = { ...samples[1]!, values: {}, failure: '3 messages are missing' };
    const { rows, problems } = evaluate([samples[0]!, failed]);
    expect(rows.map(({ subject }) => subject)).toEqual(['stock']);
    expect(problems[0]).toContain('relay + hub, run 1: 3 messages are missing');
  });
});
