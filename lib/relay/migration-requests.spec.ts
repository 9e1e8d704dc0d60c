import { beforeEach, describe, expect, it } from 'vitest';
import { PlayedRelay } from '../../test/support/played-relay-fixture.js';
import type { PlayedHub } from '../../test/support/played-relay-fixture.js';
import { MessageType } from '../protocol/messages.js';
import type { ClientConnection } from './client-connection.js';
import type { MigrationOrder } from './migration-requests.js';

const REQUEST = MessageType.MigrateConnectionRequest;

let t: PlayedRelay;
let a: PlayedHub;
let b: PlayedHub;
let client: ClientConnection;
beforeEach(() => {
  t = new PlayedRelay({ hubReconnectGraceMs: 500 });
  a = t.hub('a', { version: '1' });
  client = t.client(a);
  b = t.hub('b', { version: '2' });
});

const request = (order?: MigrationOrder) => t.core.migrations.request(client.connectionId, order);
const cancel = () => t.core.migrations.cancel(client.connectionId);
const state = () => t.core.migrations.state(client.connectionId);
/** The client is b's, and the last word of a is yet to come. */
const commit = () => {
  request();
  a.ready();
  b.accept();
  a.take();
};

describe('a request', () => {
  it('asks the origin, and ends at the new server', () => {
    expect(request()).toEqual({
      result: 'ok',
      server: 'a',
      state: 'requested',
      attempt: 1,
      reason: 'requested',
      from: 'a',
    });
    t.run();
    expect(a.take()).toMatchObject([{ type: REQUEST, reason: 'requested', deadlineMs: 1000 }]);
    a.ready();
    expect(b.take()).toMatchObject([{ migration: { server: 'a', reason: 'requested' } }]);
    b.accept();
    a.released();
    expect(state()).toEqual({
      result: 'ok',
      server: 'b',
      state: 'none',
      attempt: 1,
      reason: 'requested',
      from: 'a',
      to: { serverId: 'b' },
    });
  });

  it('says why, until when, and to where', () => {
    request({ reason: 'rebalance', deadlineMs: 5000, to: { serverName: 'name of b' } });
    t.run();
    expect(a.take()).toMatchObject([
      { reason: 'rebalance', deadlineMs: 5000, to: { serverName: 'name of b' } },
    ]);
    expect(state()).toMatchObject({ reason: 'rebalance', to: { serverName: 'name of b' } });
    t.run(4999);
    expect(state().state).toBe('requested');
    t.run(1);
    expect(state()).toMatchObject({ state: 'failed', reason: 'handlerRunning', attempt: 1 });
  });

  it('again replaces the first, in the same attempt', () => {
    t.hub('c');
    request({ to: { serverId: 'b' } });
    expect(request({ to: { serverId: 'c' }, reason: 'better' })).toMatchObject({
      result: 'ok',
      state: 'requested',
      attempt: 1,
      reason: 'better',
      to: { serverId: 'c' },
    });
    t.run();
    expect(a.take()).toMatchObject([
      { attempt: 1, to: { serverId: 'b' } },
      { attempt: 1, to: { serverId: 'c' } },
    ]);
  });

  it('changes that of a drain', () => {
    a.drain(10_000);
    expect(state()).toMatchObject({ state: 'requested', reason: 'shutdown' });
    expect(request({ to: { version: '2' } })).toMatchObject({ attempt: 1, reason: 'requested' });
  });

  it('to anything is one to any other', () => {
    expect(request({ to: {} })).toMatchObject({ result: 'ok', state: 'requested' });
    expect(state()).not.toHaveProperty('to');
  });

  it('shows what the origin waits for', () => {
    request();
    a.progress('waiting', 'hold: payment');
    expect(state()).toMatchObject({ state: 'requested', waitsFor: 'hold: payment' });
  });

  it('keeps what the target said that refused', () => {
    request();
    a.ready();
    b.refuse('state.count must be a number');
    expect(state()).toMatchObject({
      state: 'failed',
      reason: 'refused',
      detail: 'state.count must be a number',
      server: 'a',
    });
    expect(request()).toMatchObject({ result: 'ok', attempt: 2 });
  });

  it.each([
    ['none', () => undefined, 1],
    ['cancelled', () => [request(), cancel()], 2],
    ['failed', () => [request(), a.notReady(1, 'not now')], 2],
  ])('is possible after %s', (before, prepare, attempt) => {
    prepare();
    expect(state().state).toBe(before);
    expect(request()).toMatchObject({ result: 'ok', state: 'requested', attempt });
  });
});

describe('a request is refused', () => {
  it.each<[result: string, because: string, prepare: () => unknown, order?: MigrationOrder]>([
    ['tooLate', 'the application has the last word', () => [request(), a.progress('ready')]],
    ['tooLate', 'a target is asked', () => [request(), a.ready()]],
    ['tooLate', 'the connection is taken over', () => [a.lose(), t.run(500)]],
    ['notMigratable', 'the application said so', () => a.checkpoint({ migratable: false })],
    ['closing', 'the client is gone', () => client.closed(1001, '')],
    ['alreadyThere', 'it is asked for there', () => undefined, { to: { serverId: 'a' } }],
    ['alreadyThere', 'it has that version', () => undefined, { to: { version: '1' } }],
    ['noTarget', 'no server fits', () => undefined, { to: { version: '1', serverId: 'b' } }],
    ['noTarget', 'there is no other', () => b.lose()],
    ['noTarget', 'the other one drains', () => b.drain(1000)],
  ])('%s: %s', (result, _, prepare, order) => {
    prepare();
    const before = state();
    a.take();
    expect(request(order)).toEqual({ ...before, result });
    expect([state(), a.take()]).toEqual([before, []]);
  });

  it('unknown: nobody has the connectionId, or no server has accepted it yet', () => {
    expect(t.core.migrations.request('none')).toEqual({
      result: 'unknown',
      state: 'none',
      attempt: 0,
    });
    client = t.client();
    expect([request().result, cancel().result, state().result]).toEqual(Array(3).fill('unknown'));
  });

  it('notMigratable: the level of the endpoint is off', () => {
    t = new PlayedRelay();
    const off = t.hub('off', { level: 'off' });
    client = t.client(off);
    t.hub('other');
    expect(request().result).toBe('notMigratable');
  });

  it('and what was asked for before goes on', () => {
    request({ to: { serverId: 'b' } });
    expect(request({ to: { serverId: 'a' } }).result).toBe('alreadyThere');
    expect(request({ to: { serverId: 'x' } }).result).toBe('noTarget');
    expect(state()).toMatchObject({ state: 'requested', to: { serverId: 'b' } });
  });
});

describe('a cancel', () => {
  it('is possible by anybody while it is requested', () => {
    request();
    a.progress('waiting', 'handlers');
    a.take();
    expect(cancel()).toMatchObject({ result: 'ok', state: 'cancelled', attempt: 1, server: 'a' });
    t.run();
    expect(a.take()).toMatchObject([{ outcome: 'rolledBack', reason: 'cancelled' }]);
    expect(t.core.counters.failedMigrations).toEqual({ cancelled: 1 });
  });

  it.each([
    ['the application has the last word', () => a.progress('ready'), 'ready'],
    ['a target is asked', () => a.ready(), 'migrating'],
  ])('is too late when %s', (_, prepare, present) => {
    request();
    prepare();
    expect(cancel()).toMatchObject({ result: 'tooLate', state: present });
  });

  it.each([
    ['nothing was', () => undefined, 'none'],
    ['it was already cancelled', () => [request(), cancel()], 'cancelled'],
    ['it failed', () => [request(), a.notReady()], 'failed'],
    ['it has moved', commit, 'none'],
  ])('finds nothing when %s', (_, prepare, present) => {
    prepare();
    expect(cancel()).toMatchObject({ result: 'nothingToCancel', state: present });
  });

  it('by the application is one, too', () => {
    request();
    a.progress('ready');
    a.notReady(1, 'cancelled');
    expect(state()).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
  });
});

describe('a request that comes between', () => {
  const reroute = () => {
    t.hub('a');
    client.reroute({ reason: 'ingressReload', limitMs: 100 });
    t.run();
    a.take();
  };
  const detach = () => a.lose();

  it.each([
    ['a reroute', reroute],
    ['a loss of the service connection', detach],
    ['the last word of the server before', commit],
  ])('waits: %s', (_, prepare) => {
    prepare();
    const to = { serverId: client.serverId === 'a' ? 'b' : 'a' };
    expect(request({ to, reason: 'later' })).toMatchObject({
      result: 'ok',
      state: 'requested',
      reason: 'later',
      to,
      waitsFor: 'arrival',
    });
    expect(request({ to }).reason).toBe('requested');
  });

  it('begins when the reroute has failed', () => {
    reroute();
    expect(request()).toMatchObject({ attempt: 2, waitsFor: 'arrival' });
    a.notReady(1);
    expect(a.take()).toMatchObject([{ type: REQUEST, kind: 'migrate', attempt: 2 }]);
    expect(state()).toMatchObject({ state: 'requested', attempt: 2 });
    expect(state()).not.toHaveProperty('waitsFor');
  });

  it('begins when the reroute has succeeded', () => {
    const second = t.hub('a');
    client.reroute({ reason: 'ingressReload', limitMs: 100 });
    request();
    a.ready();
    const [moved] = second.take() as { link: number }[];
    const { link } = moved!;
    second.say({ type: MessageType.RebindConnectionResponse, link, accepted: true, received: 0 });
    expect(second.take()).toMatchObject([{ type: REQUEST, kind: 'migrate', attempt: 2 }]);
  });

  it('begins when the link is rebound', () => {
    detach();
    request({ deadlineMs: 400 });
    t.run(100);
    a = t.hub('a');
    client.serverReturned([...t.core.server('a')!.sessions][0]!);
    t.run();
    a.say({ type: MessageType.RebindConnectionResponse, accepted: true, received: 0 });
    expect(a.take().at(-1)).toMatchObject({ type: REQUEST, deadlineMs: 300 });
  });

  it('begins after the last word of the server before, back to it', () => {
    commit();
    request({ to: { serverId: 'a' } });
    a.released();
    expect(b.take().at(-1)).toMatchObject({ type: REQUEST, attempt: 2, to: { serverId: 'a' } });
  });

  it('is over when it is where it was to go', () => {
    detach();
    request({ to: { serverId: 'b' } });
    t.run(500);
    b.accept();
    t.run();
    expect(state()).toMatchObject({ state: 'none', server: 'b', reason: 'alreadyThere' });
    expect([b.types().includes(REQUEST), t.core.counters.failedMigrations]).toEqual([false, {}]);
  });

  it('fails when nobody can take it any more', () => {
    commit();
    request({ to: { serverId: 'a' } });
    a.drain(10_000);
    a.released();
    expect(state()).toMatchObject({ state: 'failed', reason: 'noTarget' });
    expect(t.core.counters.failedMigrations).toEqual({ noTarget: 1 });
  });

  it('has its deadline meanwhile', () => {
    detach();
    request({ deadlineMs: 50 });
    t.run(50);
    expect(state()).toEqual({
      result: 'ok',
      server: 'a',
      state: 'failed',
      attempt: 1,
      reason: 'deadline',
      from: 'a',
    });
  });

  it('can be cancelled', () => {
    commit();
    request();
    expect(cancel()).toMatchObject({ result: 'ok', state: 'cancelled' });
    a.released();
    expect([state().state, b.types().includes(REQUEST)]).toEqual(['cancelled', false]);
  });

  it('does not share the number of its attempt with the next one', () => {
    commit();
    const { attempt } = request();
    cancel();
    a.released();
    expect(request({ to: { serverId: 'a' } }).attempt).toBe(attempt + 1);
    t.run();
    expect(b.take().at(-1)).toMatchObject({ type: REQUEST, attempt: attempt + 1 });
  });

  it('is forgotten with the connection', () => {
    detach();
    t.listen();
    request();
    client.forceClose(1012, 'x');
    expect(t.told()).toEqual([
      ['requested', 1, 'requested'],
      ['failed', 1, 'clientClosed'],
    ]);
    expect([state().state, request().result]).toEqual(['failed', 'closing']);
  });

  it('leaves nothing behind', () => {
    const { size } = t.clock.timers;
    commit();
    request({ to: { serverId: 'a' } });
    cancel();
    a.released();
    expect(t.clock.timers.size).toBe(size);
  });
});

describe('a command of a hub server', () => {
  const command = (action: 'request' | 'cancel' | 'state', more: object = {}) =>
    b.command({ action, connectionId: client.connectionId, ...more });

  it('asks, cancels and tells, for a connection of another one too', () => {
    const answer = { type: MessageType.MigrationAnswer, request: 7, result: 'ok', server: 'a' };
    const requested = command('request', {
      to: { serverId: 'b' },
      deadlineMs: 700,
      reason: 'mine',
    });
    expect(requested).toEqual({ ...answer, attempt: 1, state: 'requested', reason: 'mine' });
    expect(a.take()).toMatchObject([{ reason: 'mine', deadlineMs: 700, to: { serverId: 'b' } }]);
    a.progress('waiting', 'handlers');
    expect(command('state')).toMatchObject({ waitsFor: 'handlers' });
    const cancelled = { ...answer, attempt: 1, state: 'cancelled', reason: 'cancelled' };
    expect(command('cancel')).toEqual(cancelled);
  });

  it('that nobody can do is answered as well', () => {
    expect(b.command({ action: 'request', connectionId: 'none' })).toEqual({
      type: MessageType.MigrationAnswer,
      request: 7,
      result: 'unknown',
      state: 'none',
      attempt: 0,
    });
    expect(command('cancel')).toMatchObject({ result: 'nothingToCancel', state: 'none' });
    expect(t.faults).toEqual([]);
  });
});
