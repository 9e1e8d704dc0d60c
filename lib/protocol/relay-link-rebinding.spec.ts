import { beforeEach, describe, expect, it } from 'vitest';
import type { Taker } from './server-stream.js';
import {
  ENDED,
  FakeServer,
  RelayLinkFixture,
  data,
} from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

const REBOUND = {
  type: MessageType.RebindConnectionResponse,
  accepted: true,
  received: 0,
};

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('the loss of a service connection', () => {
  it('is followed by rebinding: both say how far they received, and go on from there', () => {
    t.say('1');
    t.say('2');
    t.a.says('x');
    (t.owner.deliver.mock.calls[0]![2] as Taker).onTaken(1);
    t.a.lose();
    t.a.take();
    t.say('3');
    expect([t.a.take(), t.link.detached, t.link.serverId, t.migrate()]).toEqual([
      [],
      true,
      'a',
      false,
    ]);
    t.a.acks = [];
    expect(t.rebind()).toEqual([
      expect.objectContaining({
        type: MessageType.RebindConnection,
        connectionId: 'id',
        epoch: 2,
        received: 1,
      }),
    ]);
    t.link.rebind(t.b);
    expect(t.b.take()).toEqual([]);
    t.a.rebound(1);
    // What the client took is acknowledged again: the acknowledgement may have been lost.
    expect([t.a.take(), t.a.acks]).toEqual([data('2', '3'), [1]]);
    expect([t.link.detached, t.clock.timers.size, t.owner.settled.mock.calls.length]).toEqual([
      false,
      0,
      1,
    ]);
  });

  it.each([[3], [-1]])('refuses what cannot be: %s messages received of 1', (received) => {
    t.say('1');
    t.a.lose();
    t.rebind();
    expect(() => t.a.rebound(received)).toThrow('messages received of 1');
  });

  it('refuses an answer to another question', () => {
    t.migrate();
    t.a.ready();
    expect(() => t.b.rebound(0)).toThrow('RebindConnectionResponse to another question');
    t.a.lose();
    t.rebind();
    expect(() => t.a.accept()).toThrow('OpenConnectionResponse to another question');
    t.a.rebound(0);
    expect(() => t.a.rebound(0)).toThrow('a second time');
  });

  it('asks again when the next service connection is lost as well', () => {
    t.a.lose();
    t.rebind();
    t.a.lose();
    expect(t.owner.detached.mock.calls).toEqual([['a'], ['a']]);
    expect(t.rebind()).toMatchObject([{ epoch: 3 }]);
    t.a.rebound(0);
    expect([t.link.detached, t.clock.timers.size]).toEqual([false, 0]);
  });

  it('before the client was accepted ends the link, so that another server is asked', () => {
    t.link = t.newLink();
    t.a.lose();
    expect([t.owner.serverLost.mock.calls.length, t.owner.detached.mock.calls.length]).toEqual([
      1, 0,
    ]);
  });

  it('waits with the end of a client until its last messages are delivered', () => {
    t.a.lose();
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    expect(t.owner.ended).not.toHaveBeenCalled();
    t.rebind();
    t.a.rebound(0);
    expect(t.a.take()).toEqual([
      ...data('last'),
      expect.objectContaining({ type: MessageType.CloseConnection, code: 1001 }),
    ]);
    t.a.closed();
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([1, 0]);
  });

  it('closes a client at once when it is told to, and its server hears of it later', () => {
    t.a.lose();
    t.link.forceClose(1012, 'noTarget');
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'noTarget']]);
    t.rebind();
    t.a.rebound(0);
    expect(t.a.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    t.a.closed();
    expect(t.owner.ended).toHaveBeenCalledTimes(1);
  });

  it('keeps what a new server sent behind the old one, on its next service connection too', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.b.says('new 1');
    t.b.lose();
    t.link.rebind(t.b);
    t.b.rebound(0);
    t.b.says('new 2');
    t.a.says('old');
    expect(t.heard()).toEqual(['old']);
    t.a.released(1);
    expect(t.heard()).toEqual(['old', 'new 1', 'new 2']);
  });
});

describe('a service connection that the hub server knows to be lost', () => {
  it('is ended, and the link rebound on the one on which it is reclaimed', () => {
    const before = t.a.end!;
    t.say('1');
    t.a.take();
    expect(t.link.reclaim(t.a, 1)).toBe(true);
    expect([t.a.losses, t.owner.detached.mock.calls]).toEqual([1, []]);
    expect(t.a.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 2 }]);
    before.onLost(1006, 'cut');
    t.a.rebound(0);
    expect(t.a.take()).toEqual(data('1'));
  });

  it('is an old story when the link has been rebound since', () => {
    t.a.lose();
    t.rebind();
    t.a.rebound(0);
    expect([t.link.reclaim(t.a, 1), t.a.losses, t.a.take()]).toEqual([true, 0, []]);
  });

  it('has the link ask on the service connection that works', () => {
    const other = new FakeServer('a');
    t.a.lose();
    t.rebind();
    t.link.reclaim(other, 1);
    expect(other.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    t.link.reclaim(other, 1);
    expect([other.take(), t.a.end]).toEqual([[], undefined]);
    other.rebound(0);
    expect([t.link.detached, t.clock.timers.size]).toEqual([false, 0]);
  });

  it('was that of a server which does not have the connection any more', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.a.released();
    expect(t.link.reclaim(t.a, 1)).toBe(false);
    expect(t.link.serverId).toBe('b');
    // Opened with epoch 2, so epoch 1 was another connection at this server.
    expect(t.link.reclaim(t.b, 1)).toBe(false);
    expect(t.b.losses).toBe(0);
  });
});

describe('rebinding on a service connection that is silent', () => {
  it('tries another one, once', () => {
    const other = new FakeServer('a');
    t.a.lose();
    t.rebind();
    t.routes.push(other);
    t.clock.run(50);
    expect(other.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    t.clock.run(99);
    expect(t.b.take()).toEqual([]);
    other.rebound(0);
    expect([t.link.detached, t.clock.timers.size]).toEqual([false, 0]);
  });

  it('does not take the late answer on the first for that on the second', () => {
    const other = t.route();
    t.a.lose();
    t.rebind();
    const first = t.a.end!;
    t.clock.run(50);
    first.onMessage({ ...REBOUND, link: 1 });
    expect([t.a.end, t.link.detached]).toEqual([undefined, true]);
    other.rebound(0);
    expect(t.link.detached).toBe(false);
  });

  it('has another server take over when both are silent, and says so on both', () => {
    const other = t.route();
    t.a.lose();
    t.rebind();
    t.clock.run(150);
    other.take();
    t.b.accept();
    for (const silent of [t.a, other]) {
      expect(silent.take()).toMatchObject([
        { type: MessageType.CloseConnection, migration: { server: 'b', reason: 'crash' } },
      ]);
    }
    expect([t.link.serverId, t.clock.timers.size]).toEqual(['b', 0]);
  });

  it('tells both of the end of a client that left meanwhile, when both stay silent', () => {
    const other = t.route();
    t.a.lose();
    t.rebind();
    t.link.clientClosed(1001, 'gone');
    t.clock.run(150);
    expect(t.a.take()).toMatchObject([{ type: MessageType.CloseConnection, code: 1001 }]);
    expect(other.take().at(-1)).toMatchObject({ type: MessageType.CloseConnection, code: 1001 });
    expect(t.leftovers()).toEqual(ENDED);
  });
});
