import { cut, delay, freeze, kill, refuse } from './faults.js';
import type { FaultKind, SmallCase } from './small-world.js';

const DRAIN_MS = 10_000;

const migration: SmallCase = {
  name: 'migration',
  servers: ['A', 'B'],
  ingresses: ['a', 'b'],
  messages: 2,
  pushes: 1,
  serial: false,
  coalesce: false,
  prepare: ({ servers }) => servers[0]!.goOffline(),
  operation: {
    name: 'A is drained',
    perform: ({ servers }) => servers[0]!.drain(DRAIN_MS),
  },
  judge: () => undefined,
  mayClose: 'nobody',
  faults: [cut, kill, freeze, refuse, delay],
};

const RELOAD_MS = 300;

/** The same kind of fault, at one hub server only. */
const only =
  (serverId: string, kind: FaultKind): FaultKind =>
  (world) =>
    kind(world).filter(({ name }) => name.includes(serverId));

const reroute: SmallCase = {
  ...migration,
  name: 'reroute',
  prepare: () => undefined,
  operation: {
    name: 'the reload of ingress a is announced',
    perform: ({ relay }) => void relay.ingresses.reload('a', RELOAD_MS),
  },
  judge: ({ ledger, relay }) => {
    const { state } = relay.ingresses.get('a')!.reload!;
    if (state !== 'ready') ledger.violate(5, `the reload is ${state}`);
  },
  faults: [only('A', cut), only('A', kill), only('A', freeze), delay],
};

export const CASES: readonly SmallCase[] = [
  migration,
  { ...migration, name: 'migration, messages one after the other', serial: true },
  { ...migration, name: 'migration, turns of any length', coalesce: true },
  { ...migration, name: 'migration, the client leaves', mayClose: 'client' },
  { ...migration, name: 'migration, the application closes', mayClose: 'application' },
  reroute,
  { ...reroute, name: 'reroute, turns of any length', coalesce: true },
  { ...reroute, name: 'reroute, the client leaves', mayClose: 'client' },
  { ...reroute, name: 'reroute, the application closes', mayClose: 'application' },
];
