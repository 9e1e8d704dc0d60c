import { beforeEach, describe, expect, it } from 'vitest';
import {
  ENDED,
  FakeServer,
  RelayLinkFixture,
  data,
} from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('a reroute', () => {
  let other: FakeServer;
  beforeEach(() => (other = t.route()));

  const MOVED = { outcome: 'moved', reason: 'ingressReload' };

  it('holds inbound until the hub server has paused, then goes on there', () => {
    t.say('1');
    expect([t.reroute(), t.reroute(), t.migrate()]).toEqual([true, false, false]);
    t.say('2');
    expect(t.a.take()).toMatchObject([{ data: '1' }, { kind: 'reroute', attempt: 1 }]);
    t.a.says('x');
    t.a.ready(0, 1, 1, 1);
    expect(other.take()).toMatchObject([
      { attempt: 1, outcome: 'committed', connectionId: 'id', epoch: 2, received: 1, server: 'a' },
      { data: '2' },
    ]);
    t.say('3');
    expect(other.take()).toEqual(data('3'));
    expect([t.a.end, t.link.moving, t.reroutes()]).toEqual([undefined, true, []]);
    other.rebound(1);
    other.says('y');
    expect([other.take(), t.heard(), t.reroutes()]).toEqual([[], ['x', 'y'], [MOVED]]);
    expect([t.link.moving, t.clock.timers.size, t.migrations()]).toEqual([false, 0, []]);
  });

  it.each([
    ['noAnswer', () => t.clock.run(100)],
    ['noRoute', () => [(t.routes = []), t.a.ready()]],
    ['noRoute', () => [Object.assign(other, { avoided: true }), t.a.ready()]],
  ])('is rolled back: %s', (reason, event) => {
    t.reroute();
    t.say('1');
    t.a.take();
    event();
    expect(t.a.take()).toMatchObject([{ outcome: 'rolledBack', reason }, { data: '1' }]);
    expect(t.reroutes()).toEqual([{ outcome: 'failed', reason }]);
    t.a.ready();
    expect([other.take(), t.link.moving, t.clock.timers.size]).toEqual([[], false, 0]);
  });

  it('is given up when the hub server refuses', () => {
    t.reroute();
    t.a.notReady();
    expect([t.reroutes(), t.link.moving]).toEqual([
      [{ outcome: 'failed', reason: 'refusedByServer' }],
      false,
    ]);
  });

  it('falls back to rebinding when the service connection is lost before the answer', () => {
    t.reroute();
    t.say('1');
    t.a.take();
    t.a.lose();
    expect([t.owner.detached.mock.calls, t.reroutes()]).toEqual([
      [['a']],
      [{ outcome: 'failed', reason: 'sessionLost' }],
    ]);
    t.link.rebind(other);
    other.rebound(0);
    expect(other.take().slice(1)).toEqual(data('1'));
  });

  it('falls back to rebinding when the new service connection is lost: nothing comes twice', () => {
    t.reroute();
    t.say('1');
    t.say('2');
    t.a.ready();
    other.lose();
    expect(t.owner.detached.mock.calls).toEqual([['a']]);
    t.a.take();
    t.link.rebind(t.a);
    expect(t.a.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    // One of the two arrived behind the acknowledgement.
    t.a.rebound(1);
    expect([t.a.take(), t.reroutes(), t.clock.timers.size]).toEqual([data('2'), [MOVED], 0]);
  });

  it('knows a reclaim of the past, and one that tells of a loss', () => {
    t.reroute();
    t.a.ready();
    expect(t.link.reclaim(other, 1)).toBe(true);
    expect(other.take()).toHaveLength(1);
    const third = new FakeServer('a');
    expect(t.link.reclaim(third, 1)).toBe(true);
    expect(third.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    third.rebound(0);
    expect([t.link.moving, t.clock.timers.size]).toEqual([false, 0]);
  });

  it.each([
    ['before the answer', () => undefined, () => t.a.ready(0, 1, 0, 1)],
    ['after it', () => t.a.ready(0, 1, 0, 1), () => undefined],
  ])('of a client that leaves %s goes on, then the server hears of the end', (_, before, after) => {
    t.say('1');
    t.reroute();
    before();
    t.link.clientClosed(1001, 'gone');
    after();
    expect(other.take()).toMatchObject([{ outcome: 'committed' }]);
    other.rebound(1);
    expect(other.take()).toMatchObject([{ code: 1001 }]);
    other.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('finds what a hub server must not do', () => {
    t.say('1');
    t.reroute();
    expect(() => t.a.ready(0, 1, 0, 0)).toThrow('paused with 0 messages received of 1');
    expect(() => t.a.ready(0, 1, 2, 1)).toThrow('2 messages sent, 0 received');
  });

  it('ends with a hub server that is gone, whose clients another one takes over', () => {
    t.reroute();
    t.a.ready();
    other.lose();
    t.link.serverGone();
    t.b.accept();
    expect([t.link.serverId, t.reroutes(), t.clock.timers.size]).toEqual([
      'b',
      [{ outcome: 'failed', reason: 'sessionLost' }],
      0,
    ]);
  });
});
