import { describe, expect, it } from 'vitest';
import { type Abilities, planOf } from './plan.js';
import { SCENARIOS } from './scenarios/scenarios.js';

const able: Abilities = { maxFiles: 100_000, hasRates: true, has: () => true };
const everything = { quick: false };

describe('planOf', () => {
  it('measures all that makes sense', () => {
    const { steps, leftOut } = planOf(everything, able);
    expect(leftOut).toEqual([]);
    expect(steps).toHaveLength(SCENARIOS.length);
    const crash = steps.find(({ scenario }) => scenario.id === 'crash');
    expect(crash?.subjects.map(({ id }) => id)).toEqual(['split']);
    const spliced = steps.filter(({ subjects }) => subjects.some(({ id }) => id === 'splice'));
    expect(spliced.map(({ scenario }) => scenario.measure)).toEqual(Array(3).fill('latency'));
  });

  it('measures the main scenarios when quick', () => {
    const { steps } = planOf({ quick: true }, able);
    expect(steps.map(({ scenario }) => scenario.id)).toEqual([
      'echo1',
      'echo16',
      'fanOut',
      'rate10000',
    ]);
  });

  it('measures only what is named', () => {
    const only = { quick: true, scenarios: ['memory'], subjects: ['ws', 'both'] } as const;
    const { steps } = planOf(only, able);
    expect(steps).toMatchObject([
      { scenario: { id: 'memory' }, subjects: [{ id: 'ws' }, { id: 'both' }] },
    ]);
  });

  it('says what to install', () => {
    const { steps, leftOut } = planOf(everything, {
      ...able,
      has: (name) => name !== 'nginx',
    });
    expect(leftOut).toEqual([
      'nginx + Nest is left out, as there is no nginx: apt-get install --no-install-recommends nginx-light',
    ]);
    expect(steps[0]!.subjects).toHaveLength(6);
  });

  it('says what needs a C compiler', () => {
    const { leftOut } = planOf(
      { ...everything, scenarios: ['rate1000'] },
      {
        ...able,
        hasRates: false,
      },
    );
    expect(leftOut).toEqual([expect.stringContaining('needs a C compiler')]);
  });

  it('says who needs more open files', () => {
    const few = { ...able, maxFiles: 20_000 };
    const { leftOut } = planOf({ ...everything, scenarios: ['memory'] }, few);
    expect(leftOut).toEqual([
      expect.stringContaining('nginx + Nest is left out, as it would need 20200 open files'),
      expect.stringContaining('HAProxy + Nest is left out'),
    ]);
  });

  it('says who has fewer clients than wanted', () => {
    const few = { ...able, maxFiles: 20_000 };
    const { steps, leftOut } = planOf({ ...everything, scenarios: ['scale30000'] }, few);
    expect(steps[0]!.subjects.map(({ id }) => id)).toEqual(['stock', 'ws', 'split', 'both']);
    expect(leftOut).toEqual([
      expect.stringMatching(
        /30,000 clients: stock Nest has 19,000 clients, .* 30200 open files .* 20000: ulimit -n/,
      ),
      expect.stringContaining('bare ws has 19,000 clients'),
      expect.stringContaining('role both has 19,000 clients'),
    ]);
  });
});
