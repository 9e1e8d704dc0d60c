import { describe, expect, it } from 'vitest';
import type { SubjectId } from '../subjects/subjects.js';
import { type Baseline, checkRatios } from './check.js';
import type { Row } from './rows.js';

const row = (subject: SubjectId, ratio?: number): Row => ({
  scenario: 'echo1',
  subject,
  runs: 1,
  values: {},
  ...(ratio !== undefined && { ratio: { median: ratio, min: ratio, max: ratio } }),
});
const baseline: Baseline = {
  date: '2026-01-01',
  machine: [],
  rows: [row('stock', 1), row('ws', 1.6), row('split', 2), row('both', 1)],
};
const all = () => true;

describe('checkRatios', () => {
  it('accepts a drop of 15 %, and what is better', () => {
    const rows = [row('split', 1.71), row('both', 3)];
    expect(checkRatios(rows, baseline, all)).toEqual({ compared: 2, drops: [] });
  });

  it('names each ratio that has dropped by more', () => {
    const { drops } = checkRatios([row('split', 1.6), row('both', 0.5)], baseline, all);
    expect(drops).toEqual([
      'echo1, relay + hub: ratio 1.60, 20 % below 2.00',
      'echo1, role both: ratio 0.50, 50 % below 1.00',
    ]);
  });

  it('does not watch the others', () => {
    const rows = [row('ws', 0.1), row('split', 2), row('both', 1)];
    expect(checkRatios(rows, baseline, all).drops).toEqual([]);
  });

  it('names what was to be measured and has no ratio', () => {
    const { drops } = checkRatios([row('split')], baseline, ({ subject }) => subject === 'split');
    expect(drops).toEqual(['echo1, relay + hub: no ratio, where the baseline has 2.00']);
  });

  it('compares only what was to be measured', () => {
    expect(checkRatios([], baseline, () => false)).toEqual({ compared: 0, drops: [] });
  });
});
