import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PlayedRelay } from '../../test/support/played-relay-fixture.js';
import type { PlayedHub } from '../../test/support/played-relay-fixture.js';
import type { ClientConnection } from './client-connection.js';
import { MigrationEvents } from './migration-events.js';

let t: PlayedRelay;
let a: PlayedHub;
let b: PlayedHub;
let client: ClientConnection;
beforeEach(() => {
  t = new PlayedRelay();
  a = t.hub('a');
  client = t.client(a);
  b = t.hub('b');
  t.listen();
});

describe('the events of a migration', () => {
  it('tell its states, from the request to the arrival', () => {
    const { connectionId } = client;
    t.core.migrations.request(connectionId, { to: { serverId: 'b' }, reason: 'mine' });
    a.progress('waiting', 'handlers');
    a.progress('ready');
    a.ready();
    b.accept();
    const common = { connectionId, at: expect.any(Number), attempt: 1, reason: 'mine', from: 'a' };
    const to = { serverId: 'b' };
    expect(t.events).toEqual([
      { ...common, state: 'requested', to },
      { ...common, state: 'requested', to, waitsFor: 'handlers' },
      { ...common, state: 'ready', to },
      { ...common, state: 'migrating', to },
      { ...common, state: 'none', to },
    ]);
  });

  it('tell of one that did not happen, and why', () => {
    t.core.migrations.request(client.connectionId);
    t.core.migrations.cancel(client.connectionId);
    t.core.migrations.request(client.connectionId);
    a.ready(2);
    b.refuse('wrong state');
    expect(t.events.at(-1)).toMatchObject({ detail: 'wrong state', from: 'a' });
    expect(t.told()).toEqual([
      ['requested', 1, 'requested'],
      ['cancelled', 1, 'cancelled'],
      ['requested', 2, 'requested'],
      ['migrating', 2, 'requested'],
      ['failed', 2, 'refused'],
    ]);
  });

  it('tell of drains', () => {
    a.drain(1000);
    a.ready();
    b.accept();
    expect(t.told()).toEqual([
      ['requested', 1, 'shutdown'],
      ['migrating', 1, 'shutdown'],
      ['none', 1, 'shutdown'],
    ]);
  });

  it('tell of crashes', () => {
    a.lose();
    b.accept();
    expect(t.told()).toEqual([
      ['migrating', 1, 'crash'],
      ['none', 1, 'crash'],
    ]);
  });

  it('tell of one that ends with its client', () => {
    t.core.migrations.request(client.connectionId);
    client.closed(1001, '');
    expect(t.told()).toEqual([
      ['requested', 1, 'requested'],
      ['failed', 1, 'clientClosed'],
    ]);
  });
});

describe('listeners', () => {
  it('hear nothing any more when they are done', () => {
    const stop = t.listen();
    t.core.migrations.request(client.connectionId);
    expect(t.events).toHaveLength(2);
    stop();
    t.core.migrations.cancel(client.connectionId);
    expect(t.events).toHaveLength(3);
  });

  it('hear that the relay stops, also when they come later', () => {
    const complete = vi.fn<() => void>();
    t.core.migrationEvents.listen({ next: () => undefined, complete });
    t.core.endSessions();
    expect(complete).toHaveBeenCalledTimes(1);
    t.core.migrationEvents.listen({ next: () => undefined, complete });
    expect(complete).toHaveBeenCalledTimes(2);
  });

  it('cost nothing when there are none', () => {
    const view = vi.fn<() => never>();
    new MigrationEvents().emit('id', view);
    expect(view).not.toHaveBeenCalled();
  });
});
