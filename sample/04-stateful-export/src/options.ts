import { parseArgs } from 'node:util';
import { integer, UsageError } from '../../../test/support/command-line.js';

export { UsageError };

export interface ExportOptions {
  /** Hub servers replaced by a new version, one at a time. */
  deploys: number;
  /** Hub servers ended by SIGKILL. */
  kills: number;
  /** WebSocket clients. */
  clients: number;
  /** Rows of an export that is not cancelled. */
  rows: number;
  json: boolean;
}

export const usage = `npm start -- 04-stateful-export [options]

  --deploys N   hub servers replaced by a new version, one at a time (0 to 1000, default 4)
  --kills N     hub servers ended by SIGKILL in between (0 to 1000, default 2)
  --clients N   WebSocket clients (1 to 1000, default 10)
  --rows N      rows of an export (1000 to 1000000, default 10000)
  --json        one JSON object on stdout, progress on stderr
  --help        this text

Exit code: 0 all as promised, 1 a violation or a failure, 2 wrong options.
`;

/** @throws {UsageError} for an unknown option or a value out of range. */
export function parseOptions(args: readonly string[]): ExportOptions | 'help' {
  const values = read(args);
  if (values.help) {
    return 'help';
  }
  return {
    deploys: integer('deploys', values.deploys ?? '4', 0, 1000),
    kills: integer('kills', values.kills ?? '2', 0, 1000),
    clients: integer('clients', values.clients ?? '10', 1, 1000),
    rows: integer('rows', values.rows ?? '10000', 1000, 1_000_000),
    json: values.json ?? false,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      // npm passes on a second "--" as it is.
      args: args.slice(args[0] === '--' ? 1 : 0),
      options: {
        deploys: { type: 'string' },
        kills: { type: 'string' },
        clients: { type: 'string' },
        rows: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
