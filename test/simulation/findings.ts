import { expect } from 'vitest';
import { newScenario } from './scenario.js';
import type { Scenario } from './scenario.js';
import { runScenario } from './schedule.js';

export const MAX_SCHEDULES = 400;

/** Makes what is looked for more likely. */
export type Change = Partial<Scenario> | ((scenario: Scenario) => Scenario);

/** What is found by the first schedules that find something. */
export function findings(schedules = MAX_SCHEDULES, change: Change = {}): string[] {
  const found: string[] = [];
  for (let seed = 1; seed <= schedules && found.length < 12; seed++) {
    const scenario = newScenario(seed);
    const changed = typeof change === 'function' ? change(scenario) : { ...scenario, ...change };
    found.push(...runScenario(changed).violations);
  }
  return found;
}

export const expectFound = (invariant: number, change?: Change) =>
  expect(findings(MAX_SCHEDULES, change).map((it) => it.slice(0, 11))).toContain(
    `invariant ${invariant}`,
  );
