import { parseArgs } from 'node:util';
import { integer, oneOf, UsageError } from '../../../test/support/command-line.js';

export { UsageError };

export const FLAVOURS = ['nginx', 'haproxy', 'haproxy-proxy-protocol'] as const;
export type Flavour = (typeof FLAVOURS)[number];

export interface ReloadOptions {
  /** Which proxy the ingress instances are. */
  flavour: Flavour;
  /** Whether the relay is not told of the reloads. */
  surprise: boolean;
  /** Reloads in total; the two instances take turns. */
  reloads: number;
  /** WebSocket clients; the even half is busy, the odd half idle. */
  clients: number;
  /** Seed of the clients' timing and message sizes. */
  seed: number;
  json: boolean;
}

export const usage = `npm start -- 03-ingress-reload [options]

  --proxy NAME   nginx (default), haproxy, or haproxy-proxy-protocol
  --surprise     reloads without telling the relay first
  --reloads N    how many, of the two instances in turn (1 to 1000, default 6)
  --clients N    WebSocket clients, half busy and half idle (2 to 10000, default 100)
  --seed N       seed of the clients' timing and message sizes (default 1)
  --json         one JSON object on stdout, progress on stderr
  --help         this text

Exit code: 0 all as promised, 1 a violation or a failure, 2 wrong options.
`;

/** @throws {UsageError} for an unknown option or a value out of range. */
export function parseOptions(args: readonly string[]): ReloadOptions | 'help' {
  const values = read(args);
  if (values.help) {
    return 'help';
  }
  return {
    flavour: oneOf('proxy', values.proxy ?? 'nginx', FLAVOURS),
    surprise: values.surprise ?? false,
    reloads: integer('reloads', values.reloads ?? '6', 1, 1000),
    clients: integer('clients', values.clients ?? '100', 2, 10_000),
    seed: integer('seed', values.seed ?? '1', 0, 0xffffffff),
    json: values.json ?? false,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      // npm passes on a second "--" as it is.
      args: args.slice(args[0] === '--' ? 1 : 0),
      options: {
        proxy: { type: 'string' },
        surprise: { type: 'boolean' },
        reloads: { type: 'string' },
        clients: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
