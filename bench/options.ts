import { parseArgs } from 'node:util';
import { inRange, integer, oneOf, UsageError } from '../test/support/command-line.js';
import { SCENARIO_IDS, type ScenarioId } from './scenarios/scenarios.js';
import { SUBJECT_IDS, type SubjectId } from './subjects/subjects.js';

export { UsageError };

export interface BenchOptions {
  /** How often every subject is measured. */
  runs: number;
  /** Length of one measurement, in seconds. */
  seconds: number;
  /** The only scenarios to measure; undefined: all, or the main ones if quick. */
  scenarios?: readonly ScenarioId[];
  /** The only subjects to measure; undefined: all. */
  subjects?: readonly SubjectId[];
  /** Whether only the main scenarios are measured. */
  quick: boolean;
  /** Whether the result goes into docs/performance.md and bench/baseline.json. */
  write: boolean;
  /** Whether the ratios are compared with those of bench/baseline.json. */
  check: boolean;
  /** Whether each core does the TCP work of its own processes only. */
  steer: boolean;
  /** Folder for the CPU profiles of the servers. */
  profile?: string;
}

export const usage = `npm run bench -- [options]

  --runs N           how often every subject is measured (1 to 100, default 5)
  --seconds N        length of one measurement (0.1 to 20, default 3)
  --scenario NAMES   only these, with commas between them:
                     ${SCENARIO_IDS.slice(0, 7).join(', ')},
                     ${SCENARIO_IDS.slice(7).join(', ')}
  --subject NAMES    only these; without stock there are no ratios:
                     ${SUBJECT_IDS.join(', ')}
  --quick            only the main scenarios, 1 run of 1 second where not said otherwise
  --write            puts the result into docs/performance.md and bench/baseline.json
  --check            fails when a ratio is more than 15 % below that in bench/baseline.json
  --steer            as root: each core does the TCP work of its own processes (receive flow
                     steering on the loopback device, until the end of the run)
  --profile FOLDER   writes a CPU profile of every server process there; it slows them
  --help             this text

Exit code: 0 measured, 1 a lost message, a busy load generator, a lower ratio or a failure, 2 wrong
options.
`;

/** @throws {UsageError} for an unknown option or a value out of range. */
export function parseOptions(args: string[]): BenchOptions | 'help' {
  const values = read(args);
  if (values.help) return 'help';
  const { quick = false, write = false, check = false, steer = false, profile } = values;
  const scenarios = listOf('scenario', values.scenario, SCENARIO_IDS);
  const subjects = listOf('subject', values.subject, SUBJECT_IDS);
  if (profile === '') throw new UsageError('--profile must be a folder');
  const isOther = steer || profile !== undefined;
  if (write && (quick || check || scenarios || subjects || isOther)) {
    throw new UsageError(
      '--write is for all scenarios and subjects, without --check, --steer and --profile',
    );
  }
  if (check && isOther) throw new UsageError('--check is without --steer and --profile');
  return {
    runs: integer('runs', values.runs ?? (quick ? '1' : '5'), 1, 100),
    seconds: inRange('seconds', values.seconds ?? (quick ? '1' : '3'), 0.1, 20),
    quick,
    write,
    check,
    steer,
    ...(scenarios && { scenarios }),
    ...(subjects && { subjects }),
    ...(profile !== undefined && { profile }),
  };
}

function listOf<T extends string>(name: string, value: string | undefined, accepted: readonly T[]) {
  return value?.split(',').map((each) => oneOf(name, each.trim(), accepted));
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        runs: { type: 'string' },
        seconds: { type: 'string' },
        scenario: { type: 'string' },
        subject: { type: 'string' },
        quick: { type: 'boolean' },
        write: { type: 'boolean' },
        check: { type: 'boolean' },
        steer: { type: 'boolean' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
