import { beforeEach, describe, expect, it } from 'vitest';
import { OPEN, newCore, reclaimed } from '../../test/support/hub-core-fixture.js';
import type { FakeTransport } from '../../test/support/hub-core-fixture.js';
import { MessageType } from '../protocol/messages.js';
import type { MigrateConnectionAckElsewhere, MoveKind } from '../protocol/messages.js';

let t: ReturnType<typeof newCore>;
let first: FakeTransport;
let second: FakeTransport;

/** The connection `c1` is open on the first of two service connections. */
beforeEach(() => {
  t = newCore();
  [first, second] = [t.transport(), t.transport()];
  for (const relay of [first, second]) relay.establish();
  first.open(1);
});

const request = (kind: MoveKind) =>
  first.say({
    type: MessageType.MigrateConnectionRequest,
    link: 1,
    kind,
    attempt: 1,
    reason: 'why',
    deadlineMs: 1000,
  });

const MOVED: MigrateConnectionAckElsewhere = {
  type: MessageType.MigrateConnectionAck,
  link: 1,
  attempt: 1,
  outcome: 'committed',
  server: 'hub',
  reason: 'why',
  epoch: 2,
  connectionId: 'c1',
  received: 0,
};
/** The same when the connection is another server's. */
const LEFT = { ...MOVED, server: 'other' };
const MIGRATION = { server: 'other', reason: 'why', attempt: 1 };
const RELEASED = { type: MessageType.ConnectionReleased, sent: 0 };

const commit = () =>
  first.say({
    type: MessageType.MigrateConnectionAck,
    link: 1,
    attempt: 1,
    outcome: 'committed',
    server: 'other',
    reason: 'why',
    epoch: 2,
  });

const confirm = (relay: FakeTransport, link = 1) =>
  relay.say({
    type: MessageType.CloseConnection,
    link,
    code: 1012,
    reason: '',
    migration: MIGRATION,
  });

const answers = (relay: FakeTransport) =>
  relay.sent.filter(({ type }) => type === MessageType.RebindConnectionResponse);

describe('a reroute, as the hub server sees it', () => {
  it('takes the connection to the other service connection, the loss of the first is no matter', () => {
    request('reroute');
    second.say(MOVED);
    expect(answers(second)).toMatchObject([{ link: 1, accepted: true, received: 0 }]);
    first.lose();
    expect([reclaimed(second), t.core.connections.size]).toEqual([[], 1]);
    second.lose();
    const third = t.transport();
    third.establish();
    expect(reclaimed(third)).toEqual([{ connectionId: 'c1', epoch: 2 }]);
  });

  it('goes on though the first is lost before, and what was reclaimed is an old story', () => {
    request('reroute');
    first.lose();
    expect(reclaimed(second)).toEqual([{ connectionId: 'c1', epoch: 1 }]);
    second.say(MOVED);
    second.say({
      type: MessageType.ConnectionsGone,
      connections: [{ connectionId: 'c1', epoch: 1 }],
    });
    expect([t.core.connections.size, t.owner.closed.mock.calls]).toEqual([1, []]);
    t.clock.run(61_000);
    expect([t.core.connections.size, t.owner.closed.mock.calls]).toEqual([1, []]);
  });

  it.each([
    ['unknown', { connectionId: 'unknown' }],
    ['bound since', { epoch: 1 }],
  ])('is refused for a connection that is %s', (_, fields) => {
    request('reroute');
    second.say({ ...MOVED, ...fields });
    expect(answers(second)).toMatchObject([{ link: 1, accepted: false }]);
  });

  it('is refused for a connection that has left', () => {
    request('migrate');
    commit();
    second.say({ ...MOVED, epoch: 3 });
    expect(answers(second)).toMatchObject([{ link: 1, accepted: false }]);
  });

  it('that says what cannot be ends the service connection, not the connection', () => {
    request('reroute');
    expect(() => second.say({ ...MOVED, received: 1 })).toThrow('1 messages received of 0');
    expect(() => second.say({ ...LEFT, link: 2 })).toThrow('committed elsewhere');
    expect(t.core.connections.size).toBe(1);
  });
});

describe('a connection that has left', () => {
  beforeEach(() => {
    request('migrate');
    commit();
  });

  it('is no connection of this server any more, though its last word is not confirmed', () => {
    expect(first.sent.at(-1)).toMatchObject(RELEASED);
    expect([t.core.connections.size, t.owner.closed.mock.calls]).toEqual([
      0,
      [[1012, 'why', MIGRATION]],
    ]);
  });

  it('says its last word again where the relay asks for it, until it is confirmed', () => {
    first.lose();
    expect(reclaimed(second)).toEqual([{ connectionId: 'c1', epoch: 1 }]);
    second.say({ ...LEFT, epoch: 3 });
    expect(second.sent.slice(-2)).toMatchObject([{ accepted: true }, RELEASED]);
    confirm(second);
    second.lose();
    const third = t.transport();
    third.establish();
    expect(reclaimed(third)).toEqual([]);
    third.say({ ...LEFT, epoch: 4 });
    expect(answers(third)).toMatchObject([{ accepted: false }]);
    expect(t.owner.closed).toHaveBeenCalledTimes(1);
  });

  it('hears on another service connection that the relay has it all', () => {
    first.lose();
    second.say({
      type: MessageType.ConnectionsGone,
      connections: [{ connectionId: 'c1', epoch: 1, server: 'other' }],
    });
    second.say({ ...LEFT, epoch: 3 });
    expect(answers(second)).toMatchObject([{ accepted: false }]);
    expect(t.owner.closed).toHaveBeenCalledTimes(1);
  });

  it('is not rebound as if it were still here', () => {
    first.lose();
    const rebind = { connectionId: 'c1', epoch: 3, received: 0 };
    second.say({ type: MessageType.RebindConnection, link: 1, ...rebind });
    expect(answers(second)).toMatchObject([{ accepted: false }]);
  });

  it('is forgotten when no relay comes for its last word', () => {
    for (const relay of [first, second]) relay.lose();
    t.clock.run(61_000);
    const third = t.transport();
    third.establish();
    expect([reclaimed(third), t.owner.closed.mock.calls.length]).toEqual([[], 1]);
  });

  it('may come back before its last word is confirmed', () => {
    const migration = { server: 'other', reason: 'shutdown', attempt: 2 };
    second.say({ ...OPEN, connectionId: 'c1', epoch: 3, migration });
    expect(t.core.connections.size).toBe(1);
    confirm(first);
    expect([t.core.connections.size, t.owner.closed.mock.calls.length]).toEqual([1, 1]);
    second.lose();
    first.lose();
    const third = t.transport();
    third.establish();
    expect(reclaimed(third)).toEqual([{ connectionId: 'c1', epoch: 3 }]);
  });
});

it('counts a connection that left once, also when its last word is said again', () => {
  t.core.setOffline(() => {});
  request('migrate');
  commit();
  first.lose();
  second.say({ ...LEFT, epoch: 3 });
  confirm(second);
  expect(t.core.left).toEqual({ migrated: 1, closed: {} });
});

it('hears of the commit on another service connection when the first is lost before', () => {
  request('migrate');
  first.lose();
  second.say(LEFT);
  expect(second.sent.slice(-2)).toMatchObject([{ accepted: true }, RELEASED]);
  expect([t.core.connections.size, t.owner.closed.mock.calls]).toEqual([
    0,
    [[1012, 'why', MIGRATION]],
  ]);
});

it('confirms the end of a client, and knows nothing of it any more', () => {
  first.say({ type: MessageType.CloseConnection, link: 1, code: 1001, reason: 'gone' });
  expect(first.sent.at(-1)).toEqual({ type: MessageType.ConnectionClosed, link: 1 });
  const rebind = { connectionId: 'c1', epoch: 2, received: 0 };
  second.say({ type: MessageType.RebindConnection, link: 1, ...rebind });
  expect(answers(second)).toMatchObject([{ accepted: false }]);
  expect(t.owner.closed.mock.calls).toEqual([[1001, 'gone', undefined]]);
});
