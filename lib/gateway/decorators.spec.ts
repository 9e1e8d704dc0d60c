import 'reflect-metadata';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { VirtualServer } from '../hub/virtual-server.js';
import { VirtualSocket } from '../hub/virtual-socket.js';
import { ConnectionRefusedException } from './connection-refused.exception.js';
import {
  Migratable,
  MIGRATABLE,
  ON_CONNECT,
  ON_SHUTDOWN,
  OnConnect,
  OnShutdown,
} from './decorators.js';
import { HubClient } from './hub-client.js';
import { HubServer } from './hub-server.js';
import { StateDefinition } from './state/state-definition.js';

describe('the decorators', () => {
  it('leave a mark on what they decorate, and on nothing else', () => {
    @Migratable({ ack: 'received' })
    class Gateway {
      @OnConnect()
      connect() {}
      @OnShutdown()
      shutdown() {}
    }
    expect(Reflect.getMetadata(MIGRATABLE, Gateway)).toEqual({ ack: 'received' });
    const { connect, shutdown } = Gateway.prototype;
    expect(Reflect.getMetadata(ON_CONNECT, connect)).toBe(true);
    expect(Reflect.hasMetadata(ON_CONNECT, shutdown)).toBe(false);
    expect(Reflect.getMetadata(ON_SHUTDOWN, shutdown)).toBe(true);
  });

  it.each(['off', 'shutdownOnly', 'any'] as const)('take the level %s', (level) => {
    @Migratable({ level })
    class Gateway {}
    expect(Reflect.getMetadata(MIGRATABLE, Gateway)).toEqual({ level });
  });

  it.each([
    ['ack', 'never'],
    ['level', 'crash'],
    ['level', 'constructor'],
    ['shutdown', 'move'],
    ['unresumable', 'stop'],
  ])('refuse for %s the value %s', (option, value) => {
    expect(() => Migratable({ [option]: value })).toThrow(option);
  });

  it('make one definition of the same options, however many gateways have them', () => {
    class State {}
    const options = { state: State, version: 2, upgrade: { 1: (data: object) => data } };
    @Migratable(options)
    class First {}
    @Migratable(options)
    class Second {}
    const marks = [First, Second].map((it) => Reflect.getMetadata(MIGRATABLE, it));
    expect(marks[0]).toEqual({ definition: expect.any(StateDefinition) });
    expect(marks[0].definition).toBe(marks[1].definition);
  });

  it('check the state when they decorate', () => {
    class State {}
    class NeedsMore {
      constructor(readonly more: string) {}
    }
    expect(() => Migratable({ state: NeedsMore as never })).toThrow('needs no arguments');
    expect(() => Migratable({ state: State, version: 2 })).toThrow('has no function for 1');
    expect(() => Migratable({ version: 2 })).toThrow(
      '@Migratable({ version }) is about a state, but there is none: name its class with "state"',
    );
    expect(() => Migratable({ types: [State] })).toThrow('@Migratable({ types })');
  });

  it('ask for nothing without options', () => {
    @Migratable()
    class Gateway {}
    expect(Reflect.getMetadata(MIGRATABLE, Gateway)).toEqual({});
  });
});

it('ConnectionRefusedException refuses with 403 unless told otherwise', () => {
  expect(new ConnectionRefusedException()).toMatchObject({ status: 403, message: 'Forbidden' });
  expect(new ConnectionRefusedException(429, 'slow')).toMatchObject({
    name: 'ConnectionRefusedException',
    status: 429,
    message: 'slow',
  });
});

it('HubClient and HubServer are classes that gateways can inject types and test with', () => {
  const server = new VirtualServer({ port: 81, path: '/chat' }, {});
  const socket = new VirtualSocket(server, 'c1', {
    maxMessageBytes: 1,
    maxBufferedBytes: 1,
    fault() {},
  });
  expect(server).toBeInstanceOf(HubServer);
  expect(socket).toBeInstanceOf(HubClient);
  expect(socket).toBeInstanceOf(EventEmitter);
  expect(server.address()).toEqual({ address: '::', family: 'IPv6', port: 81 });
  expect(new VirtualServer({ port: 0, path: '/' }, {}).address()).toBeNull();
});
