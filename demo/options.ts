import { parseArgs } from 'node:util';
import { inRange, integer, oneOf, UsageError } from '../test/support/command-line.js';

export { UsageError };

export const MODES = ['migrateClients', 'waitForClientsClose', 'off'] as const;
export type Mode = (typeof MODES)[number];

export interface DemoOptions {
  /** Plain WebSocket clients; the even half is busy, the odd half idle. */
  clients: number;
  /** How many times every hub server is replaced. */
  rolls: number;
  /** Messages per second of each busy client, and pushes per second to it. */
  rate: number;
  seed: number;
  mode: Mode;
  /** Whether servers are killed and frozen, service connections cut and ingresses reloaded. */
  faults: boolean;
  json: boolean;
}

export const usage = `npm run demo -- [options]

  --clients N   plain WebSocket clients, half busy and half idle (2 to 20000, default 200)
  --rolls N     how many times every hub server is replaced (0 to 1000, default 3)
  --rate N      messages per second of a busy client, each way (0.1 to 100, default 5)
  --seed N      seed of the clients' timing and message sizes (default: random, printed)
  --mode MODE   what a hub server does with its clients when it is stopped:
                migrateClients (default), waitForClientsClose, off
  --faults      also kills hub servers by SIGKILL, freezes them, cuts service connections, and
                reloads the ingresses that they go through
  --json        one JSON object on stdout, progress on stderr
  --help        this text

Exit code: 0 all as promised, 1 a violation or a failure, 2 wrong options.
`;

/** @throws {UsageError} for an unknown option or a value out of range. */
export function parseOptions(args: string[]): DemoOptions | 'help' {
  const values = read(args);
  if (values.help) {
    return 'help';
  }
  return {
    clients: integer('clients', values.clients ?? '200', 2, 20_000),
    rolls: integer('rolls', values.rolls ?? '3', 0, 1000),
    rate: inRange('rate', values.rate ?? '5', 0.1, 100),
    seed: integer('seed', values.seed ?? String(randomSeed()), 0, 0xffffffff),
    mode: oneOf('mode', values.mode ?? 'migrateClients', MODES),
    faults: faults(values),
    json: values.json ?? false,
  };
}

function read(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        clients: { type: 'string' },
        rolls: { type: 'string' },
        rate: { type: 'string' },
        seed: { type: 'string' },
        mode: { type: 'string' },
        faults: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The other modes promise nothing that a fault could break. */
function faults({ faults = false, mode = 'migrateClients' }: ReturnType<typeof read>): boolean {
  if (faults && mode !== 'migrateClients') {
    throw new UsageError('--faults needs --mode migrateClients');
  }
  return faults;
}

function randomSeed(): number {
  return Math.floor(Math.random() * 0xffffffff);
}
