import { beforeEach, describe, expect, it } from 'vitest';
import { HubLinkFixture, decide, elsewhere, request } from '../../test/support/hub-link-fixture.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

describe('HubLink that has left', () => {
  it('keeps its last word until the relay has it', () => {
    const link = t.openLink();
    request(link);
    link.send('late', false);
    link.close(4000, 'bye');
    t.channel.take();
    decide(link, 'committed');
    link.onLost(1006, 'cut');
    expect([link.released, t.host.linkDetached.mock.calls.length]).toEqual([true, 1]);
    link.releaseOn(t.next, elsewhere(0, 'other'));
    const released = { attempt: 1, sent: 1, close: { code: 4000, reason: 'bye' } };
    expect(t.next.take()).toEqual([{ accepted: true, received: 10 }, 'late', released]);
    expect(t.owner.closed).toHaveBeenCalledTimes(1);
    link.gone(1012, 'moved');
    expect([t.host.linkForgotten.mock.calls.length, t.owner.closed.mock.calls.length]).toEqual([
      1, 1,
    ]);
  });

  it('hears of the commit and says its last word in one when it lost the former one', () => {
    const link = t.openLink();
    request(link);
    link.send('late', false);
    t.channel.take();
    link.onLost(1006, 'cut');
    link.releaseOn(t.next, elsewhere(0, 'other'));
    expect(t.next.take()).toEqual([
      { accepted: true, received: 10 },
      'late',
      { attempt: 1, sent: 1 },
    ]);
    const migration = { server: 'other', reason: 'why', attempt: 1 };
    expect(t.owner.closed.mock.calls).toEqual([[1012, 'why', migration]]);
  });
});
