import { OTHER_FILES } from './open-files.js';
import type { BenchOptions } from './options.js';
import { thousands } from './report/format.js';
import { type Scenario, SCENARIOS } from './scenarios/scenarios.js';
import { type Topology, topologyOf } from './scenarios/topology.js';
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
  abilities: Abilities,
): Plan {
  const leftOut = new Set<string>();
  const wanted = SUBJECTS.filter(({ id }) => subjects?.includes(id) ?? true);
  const present = wanted.filter(({ name, program }) => {
    if (!program || abilities.has(program)) return true;
    leftOut.add(missingProgram(name, program));
    return false;
  });
  const asked = SCENARIOS.filter(({ id, isMain }) => scenarios?.includes(id) ?? (!quick || isMain));
  const steps = asked.flatMap((scenario): Step[] => {
    if (scenario.traffic?.kind === 'rate' && !abilities.hasRates) {
      leftOut.add(
        `${scenario.name}: left out, it needs a C compiler: apt-get install gcc libc6-dev`,
      );
      return [];
    }
    const able = present
      .filter(({ id }) => scenario.subjects?.includes(id) ?? true)
      .filter(({ measure = scenario.measure }) => measure === scenario.measure)
      .filter((subject) => {
        const topology = topologyOf(scenario, subject, abilities.maxFiles);
        if (topology?.clients !== scenario.clients) {
          leftOut.add(tooFewFiles(scenario, subject, topology, abilities.maxFiles));
        }
        return topology !== undefined;
      });
    return able.length > 0 ? [{ scenario, subjects: able }] : [];
  });
  return { steps, leftOut: [...leftOut] };
}

function tooFewFiles(
  { name, clients }: Scenario,
  subject: Subject,
  topology: Topology | undefined,
  maxFiles: number,
): string {
  const what = topology ? `has ${thousands(topology.clients)} clients` : 'is left out';
  const files = clients * subject.filesPerClient + OTHER_FILES;
  return `${name}: ${subject.name} ${what}, as it would need ${files} open files in a process and may have ${maxFiles}: ulimit -n`;
}

export const hasProgram = (program: Program) => findProgram(program) !== undefined;
