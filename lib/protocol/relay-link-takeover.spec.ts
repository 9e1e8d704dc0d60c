import { beforeEach, describe, expect, it } from 'vitest';
import { RelayLinkFixture, data } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('the loss of a hub server', () => {
  const crash = () => {
    t.a.take();
    t.a.lose();
    t.link.serverGone();
  };

  it('has another one take over: what was not acknowledged is delivered again', () => {
    for (const text of ['1', '2', '3', '4', '5']) t.say(text);
    t.a.end!.onAck(1, [3, 4]);
    crash();
    t.say('6');
    expect(t.b.take()).toMatchObject([
      { epoch: 2, inbound: 1, migration: { server: 'a', reason: 'crash', attempt: 1 } },
    ]);
    t.b.accept();
    expect(t.b.take()).toEqual([
      ...data('2'),
      { type: MessageType.SkipMessages, link: 1, count: 2 },
      ...data('5', '6'),
    ]);
    t.b.says('hello');
    expect([t.heard(), t.migrations(), t.clock.timers.size]).toEqual([
      ['hello'],
      [['moved', 'crash', 'b']],
      0,
    ]);
  });

  it('goes on with the next one when a target refuses, dies, or does not answer', () => {
    crash();
    t.b.refuse();
    expect(t.c.take()).toHaveLength(1);
    t.c.lose();
    t.candidates = [t.b];
    t.link.attempt?.retry();
    expect(t.b.take()).toHaveLength(2);
    t.clock.run(100);
    expect(t.b.take()).toMatchObject([{ migration: { reason: 'rolledBack' } }]);
    t.link.attempt?.retry();
    t.b.accept();
    expect([t.link.serverId, t.link.moving, t.clock.timers.size]).toEqual(['b', false, 0]);
  });

  it('waits for a server that joins, until the deadline', () => {
    t.candidates = [];
    crash();
    t.clock.run(299);
    expect(t.owner.closeClient).not.toHaveBeenCalled();
    t.candidates = [t.a, t.b];
    t.link.attempt?.retry();
    t.b.accept();
    expect(t.link.serverId).toBe('b');
  });

  it('closes the client when there is none until the deadline', () => {
    t.candidates = [];
    crash();
    t.clock.run(300);
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size, t.budget.used]).toEqual([
      1, 0, 0,
    ]);
  });

  it('closes the client then also when the lost server was asked, and does not answer', () => {
    t.candidates = [];
    t.a.lose();
    t.rebind();
    t.clock.run(100);
    t.clock.run(299);
    expect(t.owner.closeClient).not.toHaveBeenCalled();
    t.clock.run(1);
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect(t.a.take()).toMatchObject([{ type: MessageType.CloseConnection, code: 1012 }]);
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([1, 0]);
  });

  it('closes the client when its endpoint does not allow a takeover', () => {
    t.survivesCrash = false;
    crash();
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect([t.b.take(), t.owner.ended.mock.calls.length]).toEqual([[], 1]);
  });

  it.each([
    ['does not answer', () => t.clock.run(100)],
    ['does not have the connection', () => t.a.rebound(0, false)],
  ])('is also that it %s', (_, event) => {
    t.a.lose();
    t.rebind();
    event();
    expect(t.b.take()).toMatchObject([{ migration: { reason: 'crash' } }]);
  });

  it('tells a server that does not answer where the connection has gone', () => {
    t.a.lose();
    t.rebind();
    t.clock.run(100);
    t.b.accept();
    expect(t.a.take()).toMatchObject([
      { type: MessageType.CloseConnection, migration: { server: 'b', reason: 'crash' } },
    ]);
  });

  it('ends well when the server answers before another one has taken over', () => {
    t.say('1');
    t.a.lose();
    t.rebind();
    t.clock.run(100);
    t.b.take();
    t.a.rebound(0);
    expect(t.b.take()).toMatchObject([{ migration: { reason: 'rolledBack' } }]);
    expect([t.a.take(), t.migrations(), t.clock.timers.size]).toEqual([
      data('1'),
      [['failed', 'serverReturned', undefined]],
      0,
    ]);
  });

  it('ends well when the server returns before another one has taken over', () => {
    t.candidates = [];
    crash();
    expect(t.link.reclaim(t.a, 1)).toBe(true);
    t.clock.run(99);
    t.a.rebound(0);
    expect([t.link.serverId, t.link.detached, t.clock.timers.size]).toEqual(['a', false, 0]);
  });

  it('waits for the answer of a server that returns at the deadline', () => {
    t.candidates = [];
    crash();
    t.clock.run(299);
    t.link.reclaim(t.a, 1);
    t.clock.run(50);
    expect(t.owner.closeClient).not.toHaveBeenCalled();
    t.a.rebound(0);
    expect(t.link.serverId).toBe('a');
  });

  it('delivers the last messages of a client that left, and only these', () => {
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    expect(t.a.take().at(-1)).toMatchObject({ code: 1001 });
    t.link = t.newLink();
    t.a.accept();
    t.say('last');
    t.a.lose();
    t.link.clientClosed(1001, 'gone');
    t.link.serverGone();
    t.b.accept();
    expect(t.b.take().slice(1)).toEqual([...data('last'), expect.objectContaining({ code: 1001 })]);
  });

  it('needs no takeover for a client that left with all it said acknowledged', () => {
    t.a.lose();
    t.link.clientClosed(1001, 'gone');
    t.link.serverGone();
    expect([t.b.take(), t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([[], 1, 0]);
  });

  it('is followed by a forced close: a target hears a true end', () => {
    crash();
    t.b.take();
    t.link.forceClose(1012, 'noTarget');
    expect(t.b.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([1, 0]);
  });

  it('and a forced close have one true end, though the lost server was asked', () => {
    t.a.lose();
    t.rebind();
    t.clock.run(100);
    t.b.take();
    t.link.forceClose(1012, 'noTarget');
    expect(t.b.take()).toEqual([expect.objectContaining({ code: 1012, reason: 'noTarget' })]);
    expect(t.a.take()).toMatchObject([{ code: 1012, migration: { server: 'b' } }]);
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([1, 0]);
  });

  it('keeps the new server behind the one that two servers ago had the connection', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.b.lose();
    t.link.serverGone();
    t.c.accept();
    t.c.says('new');
    t.a.says('old');
    expect(t.heard()).toEqual(['old']);
    t.a.released(1);
    expect([t.heard(), t.clock.timers.size]).toEqual([['old', 'new'], 0]);
  });

  it('goes back to the server that it had left once the last word of that is there', () => {
    t.moveToB();
    t.candidates = [t.a];
    t.b.lose();
    t.link.serverGone();
    expect(t.a.take()).toEqual([]);
    t.a.says('old');
    t.a.released(1);
    expect(t.a.take().map(({ type }) => type)).toEqual([
      MessageType.CloseConnection,
      MessageType.OpenConnection,
    ]);
    t.a.accept();
    t.a.says('new');
    expect(t.heard()).toEqual(['old', 'new']);
  });
});
