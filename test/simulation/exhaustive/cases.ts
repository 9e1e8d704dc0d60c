import { cut, delay, freeze, kill, refuse } from './faults.js';
import type { SmallCase } from './small-world.js';

const DRAIN_MS = 10_000;

const migration: SmallCase = {
  name: 'migration',
  servers: ['A', 'B'],
  ingresses: ['a', 'b'],
  messages: 2,
  pushes: 1,
  serial: false,
  coalesce: false,
  operation: {
    name: 'A is drained',
    perform: ({ servers }) => servers[0]!.drain(DRAIN_MS),
  },
  mayClose: 'nobody',
  faults: [cut, kill, freeze, refuse, delay],
};

export const CASES: readonly SmallCase[] = [
  migration,
  { ...migration, name: 'migration, messages one after the other', serial: true },
  { ...migration, name: 'migration, turns of any length', coalesce: true },
  { ...migration, name: 'migration, the client leaves', mayClose: 'client' },
  { ...migration, name: 'migration, the application closes', mayClose: 'application' },
];
