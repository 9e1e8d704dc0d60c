import { describe, expect, it } from 'vitest';
import { planSteps } from './plan.js';

const count = (steps: readonly string[], step: string) => steps.filter((it) => it === step).length;

describe('planSteps', () => {
  it('has every deploy and every kill, and no kill between the first two deploys', () => {
    for (let deploys = 0; deploys <= 7; deploys += 1) {
      for (let kills = 0; kills <= 12; kills += 1) {
        const steps = planSteps(deploys, kills);
        expect([count(steps, 'deploy'), count(steps, 'kill')]).toEqual([deploys, kills]);
        const deploysBefore = steps.flatMap((step, index) =>
          step === 'kill' ? [count(steps.slice(0, index), 'deploy')] : [],
        );
        expect(deploysBefore).not.toContain(1);
      }
    }
  });

  it('spreads the kills', () => {
    expect(planSteps(4, 2)).toEqual(['deploy', 'deploy', 'kill', 'deploy', 'deploy', 'kill']);
  });
});
