import { beforeEach, describe, expect, it } from 'vitest';
import { ENDED, RelayLinkFixture, data } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

const leave = () => {
  t.link.clientClosed(1001, 'gone');
  return t.a.take();
};

describe('the end of a client', () => {
  it('is over once the hub server has confirmed it', () => {
    t.say('last');
    expect(leave()).toMatchObject([{ data: 'last' }, { code: 1001, reason: 'gone' }]);
    expect([t.leftovers().ended, t.link.phase]).toEqual([0, 'closing']);
    t.a.closed();
    expect([t.leftovers(), t.a.end]).toEqual([ENDED, undefined]);
  });

  it('is told once, whatever else ends the connection', () => {
    leave();
    t.link.clientClosed(1006, '');
    t.link.forceClose(1012, 'noTarget');
    t.a.close(4000, 'bye');
    t.a.says('too late');
    t.say('too late');
    expect(t.a.take()).toEqual([]);
    expect([t.owner.closeClient.mock.calls, t.heard()]).toEqual([[], []]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('is over after a while without the hub server, whose confirmation comes too late', () => {
    leave();
    t.clock.run(99);
    expect(t.leftovers().ended).toBe(0);
    t.clock.run(1);
    expect([t.leftovers(), t.a.end]).toEqual([ENDED, undefined]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('comes again, with its last messages, when it got lost with the service connection', () => {
    t.say('last');
    leave();
    t.a.lose();
    expect(t.owner.detached.mock.calls).toEqual([['a']]);
    t.rebind();
    t.a.rebound(0);
    expect(t.a.take()).toMatchObject([{ data: 'last' }, { code: 1001 }]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('comes again as often as it gets lost', () => {
    leave();
    for (let i = 0; i < 3; i++) {
      t.a.lose();
      t.rebind();
      t.a.rebound(0);
      expect(t.a.take()).toMatchObject([{ code: 1001 }]);
    }
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('comes again on the service connection on which the hub server reclaims', () => {
    leave();
    const other = t.route();
    expect(t.link.reclaim(other, 1)).toBe(true);
    expect(t.a.losses).toBe(1);
    other.take();
    other.rebound(0);
    expect(other.take()).toMatchObject([{ code: 1001 }]);
    other.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('is known to a hub server that does not have the connection any more', () => {
    t.say('last');
    leave();
    t.a.lose();
    t.rebind();
    t.a.rebound(0, false);
    expect([t.b.take(), t.leftovers()]).toEqual([[], ENDED]);
  });

  it('is not known to one that was not told: another server gets the last messages', () => {
    t.a.lose();
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    t.rebind();
    t.a.rebound(0, false);
    t.b.accept();
    expect(t.b.take().slice(1)).toMatchObject([{ data: 'last' }, { code: 1001 }]);
    t.b.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('is told to another server with what was not acknowledged when the first is gone', () => {
    t.say('done');
    t.say('last');
    leave();
    t.a.end!.onAck(1, []);
    t.a.lose();
    t.link.serverGone();
    t.b.accept();
    expect(t.b.take().slice(1)).toMatchObject([{ data: 'last' }, { code: 1001 }]);
    t.b.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('needs no other server when all was acknowledged, or none may take over', () => {
    leave();
    t.a.lose();
    t.link.serverGone();
    expect([t.b.take(), t.leftovers()]).toEqual([[], ENDED]);

    t = new RelayLinkFixture();
    t.survivesCrash = false;
    t.say('last');
    leave();
    t.a.lose();
    t.link.serverGone();
    expect([t.b.take(), t.leftovers(), t.owner.closeClient.mock.calls]).toEqual([[], ENDED, []]);
  });

  it('is not confirmed by a hub server that was not told of it', () => {
    t.a.closed();
    t.say('1');
    expect([t.a.take(), t.leftovers().ended]).toEqual([data('1'), 0]);
  });

  it('that has not been accepted yet waits for nobody', () => {
    t.link = t.newLink();
    t.link.clientClosed(1006, '');
    expect(t.a.take().at(-1)).toMatchObject({ type: MessageType.CloseConnection, code: 1006 });
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('that the relay closes is the same, and the client hears of it', () => {
    t.link.forceClose(1012, 'noTarget');
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'noTarget']]);
    expect(t.a.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    t.link.clientClosed(1012, 'noTarget');
    expect(t.a.take()).toEqual([]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('that the application asked for comes back to it as what the client answered', () => {
    t.a.close(4000, 'bye');
    t.say('last');
    expect(t.link.phase).toBe('closing');
    t.link.clientClosed(4000, 'bye');
    expect(t.a.take()).toMatchObject([{ data: 'last' }, { code: 4000, reason: 'bye' }]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('that the application cannot wait for any more is cut', () => {
    t.a.close(4000, 'bye');
    t.a.close(1006, '');
    expect(t.owner.closeClient.mock.calls).toEqual([
      [4000, 'bye'],
      [1006, ''],
    ]);
  });
});
