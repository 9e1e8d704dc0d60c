import { CASES } from './cases.js';
import { search } from './search.js';
import type { Finding, Model, SearchLimits, SearchResult } from './search.js';
import { conclude, outcomeOf } from './small-verdict.js';
import { SmallWorld } from './small-world.js';
import type { SmallCase } from './small-world.js';

function modelOf(what: SmallCase, onTrace?: (line: string) => void): Model {
  const world = new SmallWorld(what, onTrace);
  return {
    violations: world.violations,
    get scene() {
      return world.fault ?? 'no fault';
    },
    get outcome() {
      return outcomeOf(world);
    },
    choices: () => world.choices(),
    fingerprint: () => world.fingerprint(),
    finish: () => conclude(world),
  };
}

export const explore = (what: SmallCase, limits: SearchLimits): SearchResult =>
  search(() => modelOf(what), limits);

/** What was covered, in one line. */
export function describe(what: SmallCase, result: SearchResult, deviations: number): string {
  const { executions, findings, left, longest, states } = result;
  const bound = `with up to ${deviations} deviations`;
  const covered = { nothing: 'all', deviations: `all ${bound}`, more: `some ${bound}` }[left];
  return (
    `${what.name}: ${covered}, ${states} states, ${executions} executions ` +
    `of up to ${longest} steps, ${findings.size} violations`
  );
}

/** A finding as a person wants to read it: what, and how to see it happen. */
export const explainFinding = (what: SmallCase, { violation, path }: Finding): string =>
  `${what.name}, ${violation}\n  replay it: npm run simulate -- --exhaustive ` +
  `--case ${CASES.indexOf(what)} --path ${path.join()}`;

/** The execution with these choices, as a person wants to read it. */
export function replay(what: SmallCase, path: readonly number[]): string[] {
  const lines: string[] = [];
  const model = modelOf(what, (line) => lines.push(line));
  for (const index of path) model.choices()[index]!.perform();
  lines.push('- nothing is left that must happen: the client is probed and leaves');
  if (model.violations.length === 0) model.finish();
  return lines;
}
