import { beforeEach, describe, expect, it } from 'vitest';
import { ENDED, RelayLinkFixture } from '../../test/support/relay-link-fixture.js';
import type { FakeServer } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

describe('the loss of a hub server before the last word of the one before it', () => {
  let t: RelayLinkFixture;
  const gone = (server = t.b) => {
    server.take();
    server.lose();
    t.link.serverGone();
  };
  beforeEach(() => {
    t = new RelayLinkFixture();
    t.moveToB();
    t.b.says('b');
  });

  it('has what it sent follow that word, also over several takeovers', () => {
    gone();
    t.c.accept();
    t.c.says('c');
    gone(t.c);
    t.b.accept();
    t.b.says('b again');
    expect(t.heard()).toEqual([]);
    t.a.says('a');
    t.a.released(1);
    t.b.says('b more');
    expect(t.heard()).toEqual(['a', 'b', 'c', 'b again', 'b more']);
    expect([t.link.moving, t.clock.timers.size]).toEqual([false, 0]);
  });

  it('holds nothing back when that word comes during the takeover', () => {
    gone();
    t.a.released(0);
    expect(t.heard()).toEqual(['b']);
    t.c.accept();
    t.c.says('c');
    expect([t.heard(), t.link.serverId]).toEqual([['b', 'c'], 'c']);
  });

  it.each([
    ['is gone', () => gone()],
    ['does not have the connection', () => lostAndAsked().rebound(0, false)],
    ['does not answer', () => (lostAndAsked(), t.clock.run(100))],
  ])('is no takeover when its application had closed the connection and it %s', (_, event) => {
    t.b.close(4000, 'bye');
    t.a.lose();
    event();
    expect([t.c.take(), t.heard(), t.leftovers().ended]).toEqual([[], [], 0]);
    t.link.leftServerGone('a');
    expect([t.heard(), t.owner.closeClient.mock.calls]).toEqual([['b'], [[4000, 'bye']]]);
    expect([t.c.take(), t.leftovers()]).toEqual([[], ENDED]);
  });

  it('leaves a client that goes then, too, with that close', () => {
    t.say('unheard');
    t.b.close(4000, 'bye');
    gone();
    t.link.clientClosed(1001, 'gone');
    t.link.leftServerGone('a');
    expect([t.c.take(), t.owner.closeClient.mock.calls, t.leftovers()]).toEqual([[], [], ENDED]);
  });

  it('lets it return, though its application had closed the connection', () => {
    t.b.close(4000, 'bye');
    gone();
    const back = t.route('b');
    expect(t.link.reclaim(back, 2)).toBe(true);
    t.a.released(0);
    expect(t.owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
    t.link.clientClosed(4000, 'bye');
    back.take();
    back.rebound(0);
    expect(back.take()).toMatchObject([{ type: MessageType.CloseConnection, code: 4000 }]);
    back.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  function lostAndAsked(): FakeServer {
    const other = t.route('b');
    t.b.lose();
    t.link.rebind(other);
    return other;
  }
});
