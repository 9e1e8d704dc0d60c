import { beforeEach, describe, expect, it } from 'vitest';
import type { Taker } from './server-stream.js';
import { ENDED, RelayLinkFixture, data } from '../../test/support/relay-link-fixture.js';
import type { FakeServer } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

const MOVED = { outcome: 'moved', reason: 'ingressReload' };
const LOST = { outcome: 'failed', reason: 'sessionLost' };

let t: RelayLinkFixture;
let other: FakeServer;
beforeEach(() => {
  t = new RelayLinkFixture();
  other = t.route();
});

describe('a reroute', () => {
  it.each([
    ['is being opened', () => (t.link = t.newLink())],
    ['moves to another server', () => t.migrate()],
    ['waits for the last word of the server it left', () => t.moveToB()],
    ['has lost its service connection', () => t.a.lose()],
    ['has lost its client', () => t.link.clientClosed(1001, 'gone')],
  ])('is not begun on a link that %s', (_, before) => {
    before();
    for (const server of [t.a, t.b]) server.take();
    expect([t.reroute(), t.a.take(), t.b.take(), t.reroutes()]).toEqual([false, [], [], []]);
  });

  it('is no answer to an attempt that was given up before', () => {
    t.reroute();
    t.clock.run(100);
    expect(t.reroute()).toBe(true);
    t.a.ready(0, 1);
    expect([other.take(), t.link.moving]).toEqual([[], true]);
    t.a.ready(0, 2);
    other.rebound(0);
    expect(t.reroutes()).toEqual([{ outcome: 'failed', reason: 'noAnswer' }, MOVED]);
  });

  it('is no answer to a migration either, which may follow one that was given up', () => {
    t.reroute();
    t.clock.run(100);
    t.migrate();
    t.a.ready(0, 1);
    expect(t.b.take()).toEqual([]);
    t.a.ready(0, 2);
    t.b.accept();
    expect(t.link.serverId).toBe('b');
  });

  it('can be tried again after a refusal', () => {
    t.reroute();
    t.say('held');
    t.a.take();
    t.a.notReady();
    expect(t.a.take()).toEqual(data('held'));
    t.reroute();
    t.a.ready(0, 2, 0, 1);
    other.rebound(1);
    expect([t.reroutes().at(-1), t.clock.timers.size]).toEqual([MOVED, 0]);
  });

  it('does not care for the former service connection once that is left', () => {
    t.reroute();
    t.a.ready();
    t.a.lose();
    expect([t.owner.detached.mock.calls, t.reroutes()]).toEqual([[], []]);
    other.rebound(0);
    expect(t.reroutes()).toEqual([MOVED]);
  });

  it('sends again what the hub server did not get behind an acknowledgement that was lost', () => {
    t.say('1');
    t.reroute();
    t.say('2');
    t.a.ready(0, 1, 0, 1);
    other.lose();
    t.a.take();
    t.link.rebind(t.a);
    t.a.rebound(1);
    expect(t.a.take().slice(1)).toEqual(data('2'));
  });

  it('is over when the new service connection is lost after its answer: a loss like any other', () => {
    t.reroute();
    t.a.ready();
    other.rebound(0);
    other.lose();
    expect([t.owner.detached.mock.calls, t.reroutes()]).toEqual([[['a']], [MOVED]]);
    expect(t.rebind().at(-1)).toMatchObject({ type: MessageType.RebindConnection, epoch: 3 });
  });

  it('tries a third service connection when the new one is silent', () => {
    const third = t.route();
    t.reroute();
    t.say('1');
    t.a.ready();
    expect(other.take()).toHaveLength(2);
    t.clock.run(50);
    expect(third.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    other.rebound(1);
    expect(t.link.moving).toBe(true);
    third.rebound(0);
    expect([third.take(), t.reroutes(), t.clock.timers.size]).toEqual([data('1'), [MOVED], 0]);
  });

  it('has another server take over when nothing answers, and says so everywhere', () => {
    const third = t.route();
    t.reroute();
    t.a.ready();
    t.clock.run(150);
    const silent = [t.a, other, third];
    for (const it of silent) it.take();
    t.b.accept();
    for (const it of silent) {
      expect(it.take()).toMatchObject([
        { type: MessageType.CloseConnection, migration: { server: 'b', reason: 'crash' } },
      ]);
    }
    expect([t.link.serverId, t.reroutes(), t.clock.timers.size]).toEqual(['b', [LOST], 0]);
  });

  it('has another server take over when the hub server has forgotten the connection', () => {
    t.say('1');
    t.reroute();
    t.a.ready(0, 1, 0, 1);
    other.rebound(0, false);
    t.b.accept();
    expect(t.b.take().slice(1)).toEqual(data('1'));
    expect([t.link.serverId, t.reroutes()]).toEqual(['b', [LOST]]);
  });

  it('gives way when the hub server says that it lost the service connection before it paused', () => {
    t.say('1');
    t.reroute();
    t.say('2');
    expect(t.link.reclaim(other, 1)).toBe(true);
    expect([t.a.losses, t.reroutes()]).toEqual([1, [LOST]]);
    expect(other.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 2 }]);
    other.rebound(0);
    expect([other.take(), t.link.moving]).toEqual([data('1', '2'), false]);
  });

  it('acknowledges on the new service connection what the client takes meanwhile', () => {
    t.a.says('x');
    t.reroute();
    t.a.ready(0, 1, 1);
    const taker = t.owner.deliver.mock.calls[0]![2] as Taker;
    taker.onTaken(1);
    expect([t.a.acks, other.acks]).toEqual([[], [1]]);
  });

  it('drops a pong while there is no way: the hub server asks again', () => {
    t.reroute();
    t.a.ready();
    other.take();
    t.link.clientPong(Buffer.from('late'));
    expect(other.take()).toEqual([]);
    other.rebound(0);
    t.link.clientPong(Buffer.from('again'));
    expect(other.take()).toMatchObject([{ type: MessageType.ClientPong }]);
  });
});

describe('a connection that is closed while it is rerouted', () => {
  it.each([
    ['before the answer', () => undefined, () => t.a.ready()],
    ['after it', () => t.a.ready(), () => undefined],
  ])('by the relay %s: the client at once, the server once it is there', (_, before, after) => {
    t.reroute();
    before();
    t.link.forceClose(1012, 'noTarget');
    t.link.forceClose(1012, 'again');
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'noTarget']]);
    after();
    other.take();
    other.rebound(0);
    expect(other.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    other.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('by the relay, and stays where it was: its server hears of it there', () => {
    t.reroute();
    t.link.forceClose(1012, 'noTarget');
    t.a.take();
    t.clock.run(100);
    expect(t.a.take()).toMatchObject([{ outcome: 'rolledBack' }, { code: 1012 }]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('by the application before it has paused: the client answers on the new way', () => {
    t.reroute();
    t.a.close(4000, 'bye');
    expect(t.owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
    t.a.ready();
    other.take();
    other.rebound(0);
    other.close(4000, 'bye');
    expect(t.owner.closeClient).toHaveBeenCalledTimes(1);
    t.say('last');
    t.link.clientClosed(4000, 'bye');
    expect(other.take()).toMatchObject([{ data: 'last' }, { code: 4000 }]);
    other.closed();
    expect([t.leftovers(), t.reroutes()]).toEqual([ENDED, [MOVED]]);
  });

  it('by the application once it goes on: like any other close', () => {
    t.reroute();
    t.a.ready();
    other.rebound(0);
    other.close(4000, 'bye');
    expect(t.owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
  });

  it('and whose server is gone: nothing is left of it', () => {
    t.reroute();
    t.a.ready();
    t.link.clientClosed(1001, 'gone');
    other.lose();
    t.link.serverGone();
    expect([t.leftovers(), t.b.take(), t.reroutes()]).toEqual([ENDED, [], [LOST]]);
  });
});
