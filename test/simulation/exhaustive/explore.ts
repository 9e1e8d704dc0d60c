import { search } from './search.js';
import type { Model, SearchLimits, SearchResult } from './search.js';
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

/** The execution with these choices, as a person wants to read it. */
export function replay(what: SmallCase, path: readonly number[]): string[] {
  const lines: string[] = [];
  const model = modelOf(what, (line) => lines.push(line));
  for (const index of path) model.choices()[index]!.perform();
  lines.push('- nothing is left that must happen: the client is probed and leaves');
  if (model.violations.length === 0) model.finish();
  return lines;
}
