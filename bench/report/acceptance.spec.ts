import { describe, expect, it } from 'vitest';
import type { ScenarioId } from '../scenarios/scenarios.js';
import type { SubjectId } from '../subjects/subjects.js';
import { acceptanceOf, acceptanceTable } from './acceptance.js';
import type { Row } from './rows.js';
import { spreadOf } from './statistics.js';

const row = (
  scenario: ScenarioId,
  subject: SubjectId,
  values: Record<string, number>,
  ratio?: number,
): Row => ({
  scenario,
  subject,
  runs: 1,
  values: Object.fromEntries(Object.entries(values).map(([name, one]) => [name, spreadOf([one])])),
  ...(ratio !== undefined && { ratio: spreadOf([ratio]) }),
});
const find = (rows: Row[], claim: string) =>
  acceptanceOf(rows).find((each) => each.claim.startsWith(claim));

describe('acceptanceOf', () => {
  it.each([
    [1.3, true],
    [1.29, false],
  ])('compares a ratio of %f with its floor', (ratio, holds) => {
    expect(find([row('echo1', 'split', {}, ratio)], 'split, echo, 1 outstanding')).toEqual({
      claim: 'split, echo, 1 outstanding, to stock',
      floor: '≥ 1.3',
      goal: '1.5',
      measured: ratio.toFixed(2),
      holds,
    });
  });

  it('compares the CPU time of a message', () => {
    const rows = [
      row('echo1', 'stock', { 'cpu stock': 12 }),
      row('echo1', 'split', { 'cpu hub': 2 }),
    ];
    expect(find(rows, "stock's CPU")).toMatchObject({ measured: '6.00', holds: true });
  });

  it('compares latencies with those of two others', () => {
    const rows = [
      row('rate1000', 'stock', { p50: 50 }),
      row('rate1000', 'nginx', { p50: 69 }),
      row('rate1000', 'split', { p50: 70 }),
    ];
    expect(find(rows, 'split at 1,000/s, p50 above stock')).toMatchObject({ holds: true });
    expect(find(rows, 'split at 1,000/s, p50 above nginx')).toMatchObject({
      measured: '1 µs',
      holds: false,
    });
  });

  it('compares the scaling of split with itself, with whatever relays it had', () => {
    const topology = { clients: 30_000, relays: 2, generators: 2 };
    const rows = [
      row('scale1000', 'split', { perCore: 100_000 }),
      row('scale10000', 'stock', { perCore: 90_000 }),
      { ...row('scale30000', 'split', { perCore: 79_000 }), topology },
    ];
    expect(find(rows, 'split, 10,000 clients, mess')).toMatchObject({ holds: undefined });
    expect(find(rows, 'split, 30,000 clients (2 relays), mess')).toMatchObject({
      floor: '≥ 0.8',
      measured: '0.79',
      holds: false,
    });
  });

  it('says what was not measured', () => {
    const all = acceptanceOf([]);
    expect(all.every(({ holds, measured }) => holds === undefined && measured === '–')).toBe(true);
    expect(acceptanceTable(all)).toContain('| not measured |');
  });
});
