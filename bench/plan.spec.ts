import { describe, expect, it } from 'vitest';
import { type Abilities, planOf } from './plan.js';
import { scenariosWith } from './scenarios/scenarios.js';

const able: Abilities = { maxFiles: 100_000, hasRates: true, has: () => true };
const all = scenariosWith(30_000);
const everything = { quick: false };

describe('planOf', () => {
  it('measures all that makes sense', () => {
    const { steps, leftOut } = planOf(everything, all, able);
    expect(leftOut).toEqual([]);
    expect(steps).toHaveLength(all.length);
    const crash = steps.find(({ scenario }) => scenario.id === 'crash');
    expect(crash?.subjects.map(({ id }) => id)).toEqual(['split']);
  });

  it('measures the main scenarios when quick', () => {
    const { steps } = planOf({ quick: true }, all, able);
    expect(steps.map(({ scenario }) => scenario.id)).toEqual([
      'echo1',
      'echo16',
      'fanOut',
      'rate10000',
    ]);
  });

  it('measures only what is named', () => {
    const only = { quick: true, scenarios: ['memory'], subjects: ['ws', 'both'] } as const;
    const { steps } = planOf(only, all, able);
    expect(steps).toMatchObject([
      { scenario: { id: 'memory' }, subjects: [{ id: 'ws' }, { id: 'both' }] },
    ]);
  });

  it('says what to install', () => {
    const { steps, leftOut } = planOf(everything, all, {
      ...able,
      has: (name) => name !== 'nginx',
    });
    expect(leftOut).toEqual([
      'nginx + Nest is left out, as there is no nginx: apt-get install --no-install-recommends nginx-light',
    ]);
    expect(steps[0]!.subjects).toHaveLength(6);
  });

  it('says what needs a C compiler', () => {
    const { leftOut } = planOf({ ...everything, scenarios: ['rate1000'] }, all, {
      ...able,
      hasRates: false,
    });
    expect(leftOut).toEqual([expect.stringContaining('needs a C compiler')]);
  });

  it('says who needs more open files', () => {
    const few = { ...able, maxFiles: 20_000 };
    const { leftOut } = planOf({ ...everything, scenarios: ['memory'] }, all, few);
    expect(leftOut).toEqual([
      expect.stringContaining('nginx + Nest is left out, it needs 20200 open files'),
      expect.stringContaining('HAProxy + Nest is left out'),
    ]);
  });

  it('says when there are fewer clients than wanted', () => {
    const { steps, leftOut } = planOf(everything, scenariosWith(19_000), able);
    expect(steps.at(-1)!.scenario.clients).toBe(19_000);
    expect(leftOut).toEqual([expect.stringMatching(/19,000 clients instead of 30,000.*ulimit -n/)]);
  });
});
