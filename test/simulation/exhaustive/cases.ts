import { cut, delay, freeze, kill, refuse } from './faults.js';
import type { FaultKind, SmallCase } from './small-world.js';

const DRAIN_MS = 2500;
const RELOAD_MS = 300;

/** The same kind of fault, at one hub server only. */
const only =
  (serverId: string, kind: FaultKind): FaultKind =>
  (world) =>
    kind(world).filter(({ name }) => name.includes(serverId));

/** A is drained: its client moves to B. */
const migration: SmallCase = {
  name: 'migration',
  servers: ['A', 'B'],
  ingresses: ['a', 'b'],
  messages: 2,
  pushes: 1,
  serial: false,
  batch: 0,
  coalesce: false,
  prepare: ({ servers }) => servers[0]!.goOffline(),
  operation: {
    name: 'A is drained',
    perform: ({ servers }) => servers[0]!.drain(DRAIN_MS),
  },
  judge: ({ client, ledger }) => {
    if (client.serverId !== 'B') ledger.violate(4, `the client is served by ${client.serverId}`);
  },
  mayClose: 'nobody',
  faults: [cut, kill, freeze, refuse, delay],
};

/** The ingress of the service connection that carries the client is reloaded. */
const reroute: SmallCase = {
  ...migration,
  name: 'reroute',
  prepare: () => undefined,
  operation: {
    name: 'the reload of ingress a is announced',
    perform: ({ relay }) => void relay.ingresses.reload('a', RELOAD_MS),
  },
  judge: ({ fault, ledger, relay }) => {
    // Its links wait for the grace period to end, which is longer than the reload.
    if (fault?.startsWith('death')) return;
    const { state } = relay.ingresses.get('a')!.reload!;
    if (state !== 'ready') ledger.violate(5, `the reload is ${state}`);
  },
  faults: [only('A', cut), only('A', kill), only('A', freeze), delay],
};

/** The first message has results, of which the origin sends some and the target the others. */
const batch: SmallCase = {
  ...migration,
  name: 'migration in a batch',
  messages: 1,
  pushes: 0,
  batch: 2,
};

const variantsOf = (what: SmallCase): SmallCase[] => [
  what,
  { ...what, name: `${what.name}, messages one after the other`, serial: true },
  { ...what, name: `${what.name}, turns of any length`, coalesce: true },
  { ...what, name: `${what.name}, the client leaves`, mayClose: 'client' },
  { ...what, name: `${what.name}, the application closes`, mayClose: 'application' },
];

const withoutFault = (what: SmallCase): SmallCase => ({
  ...what,
  name: `${what.name}, no fault`,
  faults: [],
});

/** With two messages of the client, their two echoes and a push. */
export const FULL_CASES: readonly SmallCase[] = [
  withoutFault(migration),
  withoutFault(reroute),
  ...variantsOf(migration),
  ...variantsOf(reroute),
  batch,
];

/** The same with one message and its echo, and a push in the plainest. */
const QUICK_CASES: readonly SmallCase[] = [...variantsOf(migration), ...variantsOf(reroute)]
  .filter(({ serial }) => !serial)
  .map((what) => ({
    ...what,
    name: `${what.name}, one message`,
    messages: 1,
    pushes: what.mayClose === 'nobody' && !what.coalesce ? 1 : 0,
  }));

/** What is searched each time, and with how many deviations from the usual order. */
export const QUICK_SEARCHES: readonly { what: SmallCase; deviations: number }[] = [
  ...FULL_CASES.slice(0, 2).map((what) => ({ what, deviations: Infinity })),
  ...[...QUICK_CASES, batch].map((what) => ({ what, deviations: 0 })),
];

/** All, by their numbers on the command line. */
export const CASES: readonly SmallCase[] = [...FULL_CASES, ...QUICK_CASES];
