import { OTHER_FILES } from './open-files.js';
import type { BenchOptions } from './options.js';
import type { Scenario } from './scenarios/scenarios.js';
import { findProgram, missingProgram, type Program } from './subjects/programs.js';
import { type Subject, SUBJECTS } from './subjects/subjects.js';

/** A scenario and the subjects that are measured in it. */
export interface Step {
  readonly scenario: Scenario;
  readonly subjects: readonly Subject[];
}

export interface Plan {
  readonly steps: readonly Step[];
  /** What is not measured although it was asked for, and why. */
  readonly leftOut: readonly string[];
}

/** What this machine can do. */
export interface Abilities {
  /** Files that a process may have open. */
  readonly maxFiles: number;
  /** Whether the load generator can send at a constant rate. */
  readonly hasRates: boolean;
  has(program: Program): boolean;
}

/** What is measured of that which was asked for. */
export function planOf(
  { scenarios, subjects, quick }: Pick<BenchOptions, 'scenarios' | 'subjects' | 'quick'>,
  all: readonly Scenario[],
  abilities: Abilities,
): Plan {
  const leftOut = new Set<string>();
  const wanted = SUBJECTS.filter(({ id }) => subjects?.includes(id) ?? true);
  const present = wanted.filter(({ name, program }) => {
    if (!program || abilities.has(program)) return true;
    leftOut.add(missingProgram(name, program));
    return false;
  });
  const asked = all.filter(({ id, isMain }) => scenarios?.includes(id) ?? (!quick || isMain));
  const steps = asked.flatMap((scenario): Step[] => {
    if (scenario.traffic?.kind === 'rate' && !abilities.hasRates) {
      leftOut.add(
        `${scenario.name}: left out, it needs a C compiler: apt-get install gcc libc6-dev`,
      );
      return [];
    }
    if (scenario.clients < (scenario.wantedClients ?? 0)) leftOut.add(fewerClients(scenario));
    const able = present
      .filter(({ id }) => scenario.subjects?.includes(id) ?? true)
      .filter(({ name, filesPerClient }) => {
        const files = scenario.clients * filesPerClient + OTHER_FILES;
        if (files <= abilities.maxFiles) return true;
        leftOut.add(
          `${scenario.name}: ${name} is left out, it needs ${files} open files in a process and may have ${abilities.maxFiles}: ulimit -n`,
        );
        return false;
      });
    return able.length > 0 ? [{ scenario, subjects: able }] : [];
  });
  return { steps, leftOut: [...leftOut] };
}

function fewerClients({ name, wantedClients }: Scenario): string {
  return `${name} instead of ${wantedClients!.toLocaleString('en-US')}: more open files are not allowed, ulimit -n`;
}

export const hasProgram = (program: Program) => findProgram(program) !== undefined;
