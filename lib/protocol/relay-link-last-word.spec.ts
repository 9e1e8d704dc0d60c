import { beforeEach, describe, expect, it } from 'vitest';
import { ENDED, RelayLinkFixture } from '../../test/support/relay-link-fixture.js';
import type { FakeServer } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

const ELSEWHERE = { type: MessageType.MigrateConnectionAck, outcome: 'committed', server: 'b' };
const CONFIRMED = { type: MessageType.CloseConnection, code: 1012, migration: { server: 'b' } };

let t: RelayLinkFixture;
/** The connection has moved to `b`, which speaks already; the last word of `a` is yet to come. */
beforeEach(() => {
  t = new RelayLinkFixture();
  t.moveToB();
  t.b.says('new');
});

/** Loses the service connection of `a`, which has another one. */
function loseToOther(): FakeServer {
  const other = t.route();
  t.a.lose();
  return other;
}

describe('the last word of a server that was left', () => {
  it('is confirmed, and comes before all that the new server says', () => {
    t.a.says('old');
    t.a.released(1);
    expect(t.a.take()).toMatchObject([CONFIRMED]);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['old', 'new'], false, 0]);
    expect(t.owner.settled).toHaveBeenCalledTimes(1);
  });

  it('comes on another service connection when its own is lost', () => {
    const other = loseToOther();
    expect(other.take()).toMatchObject([
      { ...ELSEWHERE, connectionId: 'id', epoch: 3, received: 0 },
    ]);
    other.rebound(0);
    other.says('old');
    expect(t.heard()).toEqual(['old']);
    other.released(1);
    expect(other.take()).toMatchObject([CONFIRMED]);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['old', 'new'], false, 0]);
  });

  it('is said again with what did not arrive, and with the close of the application', () => {
    t.a.says('old 1');
    const other = loseToOther();
    expect(other.take()).toMatchObject([{ received: 1 }]);
    other.rebound(0);
    other.says('old 2');
    other.released(2, { code: 4000, reason: 'bye' });
    expect(t.heard()).toEqual(['old 1', 'old 2', 'new']);
    expect(t.owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
    t.link.clientClosed(4000, 'bye');
    t.b.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it.each([
    ['of which the server did not hear', 1],
    ['of which it did', 3],
  ])('waits for a third service connection when the second, %s, is lost', (_, epoch) => {
    const second = loseToOther();
    t.routes = [];
    second.lose();
    expect(t.heard()).toEqual([]);
    const third = t.route();
    expect(t.link.reclaim(third, epoch)).toBe(true);
    expect(third.take()).toMatchObject([{ ...ELSEWHERE, epoch: 4 }]);
    third.rebound(0);
    third.says('old');
    third.released(1);
    expect([t.heard(), t.clock.timers.size]).toEqual([['old', 'new'], 0]);
  });

  it('moves to where the server reclaims the connection, which lost it before the relay knew', () => {
    const other = t.route();
    expect(t.link.reclaim(other, 1)).toBe(true);
    expect([t.a.losses, other.take()]).toMatchObject([1, [{ ...ELSEWHERE, epoch: 3 }]]);
    other.rebound(0);
    other.released(0);
    expect(t.heard()).toEqual(['new']);
  });

  it('is asked for once when the server reclaims the connection where it is asked', () => {
    const other = loseToOther();
    other.take();
    expect(t.link.reclaim(other, 1)).toBe(true);
    expect([other.take(), other.losses]).toEqual([[], 0]);
    other.rebound(0);
    expect(t.link.reclaim(t.route(), 1)).toBe(true);
    expect([t.routes[1]!.take(), other.losses]).toEqual([[], 0]);
    other.released(0);
    expect(t.heard()).toEqual(['new']);
  });

  it('is asked for where the server reclaims the connection, though it is asked elsewhere', () => {
    const halfOpen = loseToOther();
    halfOpen.take();
    const third = t.route();
    expect(t.link.reclaim(third, 1)).toBe(true);
    expect([halfOpen.losses, third.take()]).toMatchObject([0, [{ ...ELSEWHERE, epoch: 4 }]]);
    expect(halfOpen.end).toBeUndefined();
    third.rebound(0);
    third.says('old');
    third.released(1);
    expect(third.take()).toMatchObject([CONFIRMED]);
    expect([t.heard(), t.clock.timers.size]).toEqual([['old', 'new'], 0]);
  });

  it('is asked for elsewhere, once, when the server is silent, which then hears the end everywhere', () => {
    const halfOpen = loseToOther();
    halfOpen.take();
    const third = t.route();
    t.clock.run(49);
    expect(third.take()).toEqual([]);
    t.clock.run(1);
    expect(third.take()).toMatchObject([{ ...ELSEWHERE, epoch: 4 }]);
    t.clock.run(99);
    expect(t.heard()).toEqual([]);
    t.clock.run(1);
    expect([halfOpen.take(), third.take()]).toMatchObject([[CONFIRMED], [CONFIRMED]]);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['new'], false, 0]);
  });

  it('is given up once on each service connection, however often the server reclaims', () => {
    const silent = [loseToOther(), t.route()];
    for (let i = 0; i < 10; i++) t.link.reclaim(silent[i % 2]!, 1);
    for (const it of silent) it.take();
    t.link.leftServerGone('a');
    for (const it of silent) expect(it.take()).toMatchObject([CONFIRMED]);
  });

  it('is confirmed again when the confirmation got lost: the connection is gone', () => {
    t.a.released(0);
    t.a.lose();
    expect(t.link.reclaim(t.route(), 1)).toBe(false);
    expect([t.routes[0]!.take(), t.link.serverId]).toEqual([[], 'b']);
  });

  it.each([
    ['has forgotten the connection', (other: FakeServer) => other.rebound(0, false)],
    ['is silent there', () => t.clock.run(100)],
    [
      'is silent there after its answer',
      (other: FakeServer) => [other.rebound(0), t.clock.run(100)],
    ],
    ['is gone for good', () => t.link.leftServerGone('a')],
  ])('is not waited for when the server %s', (_, event) => {
    const other = loseToOther();
    expect(t.heard()).toEqual([]);
    event(other);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['new'], false, 0]);
    expect(t.owner.settled).toHaveBeenCalledTimes(1);
  });

  it('is waited for while the server has no service connection, until it is given up', () => {
    t.a.lose();
    t.clock.run(1000);
    expect([t.heard(), t.link.moving]).toEqual([[], true]);
    t.link.leftServerGone('a');
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['new'], false, 0]);
  });

  it('is asked for when the server is back, and only where it is not awaited yet', () => {
    const back = t.route();
    t.link.leftServerReturned(back);
    expect(back.take()).toEqual([]);
    t.routes = [];
    t.a.lose();
    t.link.leftServerReturned(t.b);
    t.link.leftServerReturned(back);
    expect(back.take()).toMatchObject([{ ...ELSEWHERE, connectionId: 'id', epoch: 3 }]);
    t.link.leftServerReturned(t.route());
    expect(t.routes[0]!.take()).toEqual([]);
    back.rebound(0, false);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['new'], false, 0]);
  });

  it.each([
    ['says nothing', () => t.clock.run(100)],
    ['is gone for good', () => t.link.leftServerGone('a')],
  ])('is not waited for when the server has its service connection and %s', (_, event) => {
    event();
    expect(t.a.take()).toMatchObject([CONFIRMED]);
    expect([t.heard(), t.link.moving, t.clock.timers.size]).toEqual([['new'], false, 0]);
  });

  it('is waited for when another server is gone', () => {
    t.link.leftServerGone('c');
    expect([t.heard(), t.link.moving]).toEqual([[], true]);
  });

  it('leaves the connection alone until then', () => {
    expect([t.migrate(), t.reroute()]).toEqual([false, false]);
    t.say('1');
    expect(t.b.take()).toEqual([{ data: '1' }]);
    t.a.released(0);
    expect(t.reroute()).toBe(true);
  });

  it('must name as many messages as came', () => {
    const other = loseToOther();
    other.rebound(0);
    expect(() => other.released(1)).toThrow('1 messages sent, 0 received');
  });
});

describe('a client that leaves before the last word of the server that was left', () => {
  it.each([
    ['is said', () => t.a.released(0)],
    ['is not said in time', () => t.clock.run(100)],
    ['can not be said any more', () => t.link.leftServerGone('a')],
  ])('ends at the new server, and is over once that word %s', (_, event) => {
    t.link.clientClosed(1001, 'gone');
    expect(t.b.take()).toMatchObject([{ code: 1001 }]);
    t.b.closed();
    expect(t.leftovers()).toMatchObject({ ended: 0, bytes: 0 });
    event();
    expect([t.leftovers(), t.heard()]).toEqual([ENDED, []]);
  });

  it('may have its end confirmed after that', () => {
    t.link.clientClosed(1001, 'gone');
    t.a.released(0);
    expect(t.leftovers().ended).toBe(0);
    t.b.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('is not closed again, though the application had asked for it', () => {
    t.link.clientClosed(1001, 'gone');
    t.a.released(0, { code: 4000, reason: 'bye' });
    t.b.closed();
    expect([t.owner.closeClient.mock.calls, t.leftovers()]).toEqual([[], ENDED]);
  });
});
