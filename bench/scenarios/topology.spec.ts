import { describe, expect, it } from 'vitest';
import { topologyOf } from './topology.js';

const one = { filesPerClient: 1, scalesOut: false };
const split = { filesPerClient: 1, scalesOut: true };
const proxy = { filesPerClient: 2, scalesOut: false };
const fixed = { clients: 10_000 };
const adapting = { clients: 30_000, adapts: true, relaysFor: 30_000 } as const;
const small = { clients: 1000, relaysFor: 30_000 };

describe('topologyOf', () => {
  it.each([
    ['what fits', fixed, one, 20_000, { clients: 10_000, relays: 1, generators: 1 }],
    ['what just fits', fixed, proxy, 20_200, { clients: 10_000, relays: 1, generators: 1 }],
    ['no limit', adapting, proxy, Infinity, { clients: 30_000, relays: 1, generators: 1 }],
    [
      'no limit for relays',
      adapting,
      split,
      Infinity,
      { clients: 30_000, relays: 1, generators: 1 },
    ],
    ['fewer clients', adapting, one, 20_000, { clients: 19_000, relays: 1, generators: 1 }],
    ['fewer of a proxy', adapting, proxy, 20_000, { clients: 9000, relays: 1, generators: 1 }],
    ['several relays', adapting, split, 20_000, { clients: 30_000, relays: 2, generators: 2 }],
    [
      'as many relays with fewer',
      small,
      split,
      20_000,
      { clients: 1000, relays: 2, generators: 1 },
    ],
    ['one process of others', small, one, 20_000, { clients: 1000, relays: 1, generators: 1 }],
    ['not too many relays', adapting, split, 2500, { clients: 2000, relays: 1, generators: 1 }],
    ['more relays', adapting, split, 10_000, { clients: 30_000, relays: 4, generators: 4 }],
    [
      'one relay if it can be',
      adapting,
      split,
      31_000,
      { clients: 30_000, relays: 1, generators: 1 },
    ],
  ])('has %s', (_, scenario, subject, maxFiles, expected) => {
    expect(topologyOf(scenario, subject, maxFiles)).toEqual(expected);
  });

  it.each([
    ['a scenario that is as it is', fixed, proxy, 20_000],
    ['next to no files', adapting, one, 1024],
  ])('does not exist for %s', (_, scenario, subject, maxFiles) => {
    expect(topologyOf(scenario, subject, maxFiles)).toBeUndefined();
  });
});
