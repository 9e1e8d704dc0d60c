import { beforeEach, describe, expect, it } from 'vitest';
import { RelayLinkFixture } from '../../test/support/relay-link-fixture.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('the end of a client', () => {
  it('comes again, with its last messages, when it got lost with the service connection', () => {
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    t.a.take();
    t.a.lose();
    expect(t.owner.detached.mock.calls).toEqual([['a']]);
    t.rebind();
    t.a.rebound(0);
    expect(t.a.take()).toMatchObject([{ data: 'last' }, { code: 1001 }]);
    t.a.closed();
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size, t.budget.used]).toEqual([
      1, 0, 0,
    ]);
  });

  it('is known to a hub server that does not have the connection any more', () => {
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    t.a.lose();
    t.rebind();
    t.a.rebound(0, false);
    expect([t.b.take(), t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([[], 1, 0]);
  });

  it('is over after a while without the hub server', () => {
    t.link.clientClosed(1001, 'gone');
    t.clock.run(100);
    expect([t.owner.ended.mock.calls.length, t.a.end, t.clock.timers.size]).toEqual([
      1,
      undefined,
      0,
    ]);
  });
});
