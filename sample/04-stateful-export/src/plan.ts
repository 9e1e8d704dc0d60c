/** What is done to the hub servers, one after the other. */
export type Step = 'deploy' | 'kill';

/**
 * Spreads the kills over the deploys. None comes while one hub server of two is the first release and
 * the other one is not: the first could not take over clients whose state it does not know.
 */
export function planSteps(deploys: number, kills: number): Step[] {
  if (deploys < 2) {
    return [...times('kill', kills), ...times('deploy', deploys)];
  }
  const places = Math.floor(deploys / 2);
  const steps: Step[] = [];
  for (let place = 1; place <= places; place += 1) {
    const due = Math.floor((kills * place) / places) - Math.floor((kills * (place - 1)) / places);
    steps.push('deploy', 'deploy', ...times('kill', due));
  }
  return [...steps, ...times('deploy', deploys - 2 * places)];
}

function times(step: Step, count: number): Step[] {
  return Array.from({ length: count }, () => step);
}
