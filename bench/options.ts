import { parseArgs } from 'node:util';
import { inRange, integer, oneOf, UsageError } from '../test/support/command-line.js';
import { SCENARIO_IDS, type ScenarioId } from './scenarios.js';

export { UsageError };

export interface BenchOptions {
  /** How often every subject is measured. */
  runs: number;
  /** Length of one measurement, in seconds. */
  seconds: number;
  /** Clients of the fan-out. */
  clients: number;
  /** The only scenario to measure; undefined: all. */
  scenario?: ScenarioId;
  /** Whether the result goes into docs/performance.md. */
  write: boolean;
  /** Folder for the CPU profiles of the servers. */
  profile?: string;
}

export const usage = `npm run bench -- [options]

  --runs N          how often every subject is measured (1 to 100, default 3)
  --seconds N       length of one measurement (0.1 to 20, default 3)
  --clients N       clients of the fan-out (100 to 5000, default 500)
  --scenario NAME   only one of ${SCENARIO_IDS.join(', ')}
  --quick           1 run of 1 second, where --runs and --seconds do not say otherwise
  --write           puts the result into docs/performance.md
  --profile FOLDER  writes a CPU profile of every server process there; it slows them
  --help            this text

Exit code: 0 measured, 1 a lost message, a busy load generator or a failure, 2 wrong options.
`;

/** @throws {UsageError} for an unknown option or a value out of range. */
export function parseOptions(args: string[]): BenchOptions | 'help' {
  const values = read(args);
  if (values.help) return 'help';
  if (values.profile === '') throw new UsageError('--profile must be a folder');
  if (values.write && (values.scenario ?? values.profile) !== undefined) {
    throw new UsageError('--write is for all scenarios, without a profile');
  }
  return {
    runs: integer('runs', values.runs ?? (values.quick ? '1' : '3'), 1, 100),
    seconds: inRange('seconds', values.seconds ?? (values.quick ? '1' : '3'), 0.1, 20),
    clients: integer('clients', values.clients ?? '500', 100, 5000),
    write: values.write ?? false,
    ...(values.scenario !== undefined && {
      scenario: oneOf('scenario', values.scenario, SCENARIO_IDS),
    }),
    ...(values.profile !== undefined && { profile: values.profile }),
  };
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        runs: { type: 'string' },
        seconds: { type: 'string' },
        clients: { type: 'string' },
        scenario: { type: 'string' },
        quick: { type: 'boolean' },
        write: { type: 'boolean' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
