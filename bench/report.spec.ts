import { describe, expect, it } from 'vitest';
import { evaluate, type Sample, toTable, warningOf, withResult } from './report.js';
import { scenariosWith } from './scenarios.js';
import { STOCK, SUBJECTS } from './subjects.js';

const scenarios = scenariosWith(500).slice(0, 1);
const subjects = SUBJECTS.slice(0, 2);
const [stock, split] = subjects.map(({ name }) => name) as [string, string];

const sample = (subject: string, run: number, rate: number, generatorShare = 0.5): Sample => ({
  run,
  scenario: scenarios[0]!.name,
  subject,
  rate,
  generatorShare,
  cpuMicros:
    subject === stock
      ? [['stock', 1e6 / rate]]
      : [
          ['relay', 4],
          ['hub', run],
        ],
  otherLoad: [0.1 * run, 0],
});

const samples = [
  sample(stock, 0, 10_000),
  sample(split, 0, 20_000),
  sample(split, 1, 10_000),
  sample(stock, 1, 20_000),
  sample(stock, 2, 10_000),
  sample(split, 2, 15_000),
];

describe('evaluate', () => {
  it('compares the runs with the base of the same run', () => {
    const { rows, refusals } = evaluate(samples, scenarios, subjects, STOCK);
    expect(refusals).toEqual([]);
    expect(rows).toMatchObject([
      { subject: stock, ratio: { median: 1, min: 1, max: 1 } },
      {
        subject: split,
        rate: { median: 15_000, min: 10_000, max: 20_000 },
        ratio: { median: 1.5, min: 0.5, max: 2 },
        cpuRatio: { median: expect.closeTo(16.67, 2), min: 10, max: 25 },
        cpuMicros: [
          ['relay', 4],
          ['hub', 1],
        ],
        otherLoad: [0.1, 0],
      },
    ]);
  });

  it('refuses a subject whose load generator was busy in one run', () => {
    const busy = [...samples.slice(0, -1), sample(split, 2, 15_000, 0.91)];
    const { rows, refusals } = evaluate(busy, scenarios, subjects, STOCK);
    expect(rows.map(({ subject }) => subject)).toEqual([stock]);
    expect(refusals).toEqual([expect.stringContaining(`${split}: the load generator used 91 %`)]);
  });

  it('has no ratios to a refused base', () => {
    const busy = [sample(stock, 0, 10_000, 0.95), sample(split, 0, 10_000)];
    const { rows } = evaluate(busy, scenarios, subjects, STOCK);
    expect(rows).toMatchObject([{ subject: split, ratio: undefined }]);
  });
});

describe('toTable', () => {
  it('shows median and spread in columns', () => {
    const lines = toTable(evaluate(samples, scenarios, subjects, STOCK).rows).split('\n');
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[3]).toContain(
      '| 1.50 (0.50 to 2.00) | 16.67 (10.00 to 25.00) | 15,000 (10,000 to 20,000) |',
    );
    expect(lines[3]).toContain('| relay 4.0 + hub 1.0 ');
  });
});

describe('warningOf', () => {
  const warning = (load: number) => {
    const quiet = { ...sample(stock, 0, 1), otherLoad: [0, load] };
    return warningOf(evaluate([quiet], scenarios, [STOCK], STOCK).rows);
  };

  it('tells of other programs', () => {
    expect(warning(0.4)).toMatch(/^Other programs used up to 40 % of a core/);
  });

  it('is silent on a quiet machine', () => {
    expect(warning(0.1)).toBeUndefined();
  });
});

describe('withResult', () => {
  const document = (result: string) =>
    `# Title\n\n<!-- bench: written by npm run bench -- --write -->\n\n${result}\n\n<!-- bench: end -->\n\nText\n`;

  it('replaces what is between the marks', () => {
    expect(withResult(document('old'), 'new')).toBe(document('new'));
  });

  it('refuses a document without them', () => {
    expect(() => withResult('# Title', 'new')).toThrow('there is no');
  });
});
