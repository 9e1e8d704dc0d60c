import type { Framing } from '../load/wire.js';
import type { Measure } from '../scenarios/scenarios.js';
import type { Program } from './programs.js';

export const SUBJECT_IDS = [
  'stock',
  'ws',
  'nginx',
  'haproxy',
  'socket.io',
  'split',
  'unix',
  'both',
  'splice',
] as const;
export type SubjectId = (typeof SUBJECT_IDS)[number];

/** What is compared: the same gateway, served in another way. */
export interface Subject {
  readonly id: SubjectId;
  readonly name: string;
  readonly framing: Framing;
  /** What has to be installed. */
  readonly program?: Program;
  /** Files that one client costs the process that has most. */
  readonly filesPerClient: number;
  /** Whether it can have several processes that clients connect to. */
  readonly scalesOut: boolean;
  /** The only measure it is there for; undefined: for all. */
  readonly measure?: Measure;
  /** Whether it is the library: what the guard watches. */
  readonly isOurs: boolean;
}

const subject = (
  id: SubjectId,
  name: string,
  {
    framing = 'ws' as Framing,
    filesPerClient = 1,
    scalesOut = false,
    isOurs = false,
    program = undefined as Program | undefined,
    measure = undefined as Measure | undefined,
  } = {},
): Subject => ({
  id,
  name,
  framing,
  filesPerClient,
  scalesOut,
  isOurs,
  ...(program && { program }),
  ...(measure && { measure }),
});

/** All subjects; the first is what the others are compared with. */
export const SUBJECTS: readonly Subject[] = [
  subject('stock', 'stock Nest'),
  subject('ws', 'bare ws'),
  subject('nginx', 'nginx + Nest', { program: 'nginx', filesPerClient: 2 }),
  subject('haproxy', 'HAProxy + Nest', { program: 'haproxy', filesPerClient: 2 }),
  subject('socket.io', 'Socket.IO, 2 nodes + Redis', {
    program: 'redis-server',
    framing: 'socket.io',
  }),
  subject('split', 'relay + hub', { isOurs: true, scalesOut: true }),
  // For latency only, where what the service connection costs shows.
  subject('unix', 'relay + hub, Unix socket', { isOurs: true, measure: 'latency' }),
  subject('both', 'role both', { isOurs: true }),
  // What one more process costs that only reads and writes, one message at a time.
  subject('splice', 'splice in C + role both', { filesPerClient: 2, measure: 'latency' }),
];

export const STOCK = SUBJECTS[0]!;
