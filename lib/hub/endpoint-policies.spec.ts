import { describe, expect, it } from 'vitest';
import type { MigratableMark } from '../gateway/decorators.js';
import { defineState } from '../gateway/state/state-definition.js';
import { NO_HOOKS } from './endpoint-moves.js';
import { EndpointPolicies } from './endpoint-policies.js';
import { endpointOf } from './endpoints.js';
import type { ExploredGateway } from './gateway-explorer.js';

const gateway = (name: string, path: string, options: MigratableMark = {}, port = 0) => ({
  metatype: class {},
  name,
  endpoint: endpointOf(port, path),
  options,
  onConnect: [() => name],
  onShutdown: [],
  hooks: NO_HOOKS,
});

const policies = (...gateways: ExploredGateway[]) =>
  new EndpointPolicies(gateways, {
    ack: 'handled',
    level: 'any',
    shutdown: 'migrateClients',
    unresumable: 'wait',
  });

describe('endpointOf', () => {
  it.each([
    [0, undefined, '/'],
    [0, '', '/'],
    [0, '/', '/'],
    [0, 'chat', '/chat'],
    [0, '/chat/', '/chat'],
    [0, '//a//b//', '/a/b'],
    [8080, undefined, '*'],
    [8080, '/', '/'],
    [8080, 'chat', '/chat'],
  ])('of port %s and path %s is %s', (port, path, expected) => {
    expect(endpointOf(port, path)).toEqual({ port, path: expected });
  });
});

describe('EndpointPolicies', () => {
  it('has the defaults for a gateway that asks for nothing, and for no gateway', () => {
    const found = policies(gateway('A', '/a'));
    expect(found.of({ port: 0, path: '/a' })).toMatchObject({
      ack: 'handled',
      level: 'any',
      shutdown: 'migrateClients',
    });
    expect(found.of({ port: 0, path: '/b' })).toEqual({
      ack: 'handled',
      level: 'any',
      shutdown: 'migrateClients',
      unresumable: 'wait',
      definition: undefined,
      onConnect: [],
      hooks: NO_HOOKS,
    });
  });

  it('joins the gateways of an endpoint', () => {
    const found = policies(
      gateway('A', '/a', { ack: 'received' }),
      gateway('B', 'a/', { shutdown: 'off' }),
      gateway('C', '/a', { ack: 'received', level: 'shutdownOnly' }),
      gateway('D', '/a', { ack: 'handled' }, 81),
    );
    const policy = found.of({ port: 0, path: '/a' });
    expect(policy).toMatchObject({ ack: 'received', level: 'shutdownOnly', shutdown: 'off' });
    expect(policy.onConnect.map((hook) => hook(undefined as never))).toEqual(['A', 'B', 'C']);
    expect(found.of({ port: 81, path: '/a' })).toMatchObject({ ack: 'handled', level: 'any' });
  });

  it('has the state that gateways of an endpoint agree on, and all their hooks in order', () => {
    const definition = defineState({ state: class State {} });
    const hook = (name: string) => () => name;
    const hooked = {
      ...gateway('B', '/a', { definition }),
      hooks: { ...NO_HOOKS, in: [hook('B')] },
    };
    const found = policies(
      { ...gateway('A', '/a'), hooks: { ...NO_HOOKS, in: [hook('A')] } },
      hooked,
      { ...hooked, name: 'C' },
    ).of({ port: 0, path: '/a' });
    expect(found.definition).toBe(definition);
    expect(found.hooks.in.map((it) => it(undefined as never, undefined as never))).toEqual([
      'A',
      'B',
      'B',
    ]);
    const other = { definition: defineState({ state: class State {} }) };
    expect(() => policies(hooked, gateway('C', '/a', other))).toThrow(
      /^B and C share the clients of \/a, and both have a "state" in @Migratable\(\)/,
    );
  });

  it('says which gateways contradict each other, about what, and what to do', () => {
    expect(() =>
      policies(
        gateway('Quiet', '/a'),
        gateway('First', '/a', { shutdown: 'off' }),
        gateway('Second', '/a', { shutdown: 'migrateClients' }),
      ),
    ).toThrow(
      'First and Second share the clients of /a but ask for different values of "shutdown" in ' +
        '@Migratable(). Give both the same value, or different paths.',
    );
    expect(() =>
      policies(
        gateway('First', '/a', { ack: 'handled' }, 81),
        gateway('Second', '/a', { ack: 'received' }, 81),
      ),
    ).toThrow('port 81, path /a');
    expect(() =>
      policies(gateway('First', '/a', { level: 'off' }), gateway('Second', '/a', { level: 'any' })),
    ).toThrow('ask for different values of "level"');
  });
});
