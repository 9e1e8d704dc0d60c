import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  decide,
  elsewhere,
  ready,
  reroute,
} from '../../test/support/hub-link-fixture.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

describe('HubLink that goes to another service connection', () => {
  it('pauses at once between two messages, goes on with its handlers, and resumes there', () => {
    const link = t.openLink();
    link.onData('1', false);
    const number = link.delivered();
    link.send('before', false);
    reroute(link);
    reroute(link);
    link.send('after', false);
    link.ping(Buffer.from('alive?'));
    link.handled(number);
    expect(t.channel.take()).toEqual(['before', ready(10, 1, 1, 11)]);
    expect([link.leaving, t.owner.stays.mock.calls]).toEqual([false, []]);
    expect(() => link.onData('x', false)).toThrow('data on link 7 while it is rerouting');
    link.rebind(t.next, elsewhere(1));
    expect([t.channel.released, link.epoch]).toEqual([1, 5]);
    expect(t.next.take()).toEqual([
      { accepted: true, received: 11 },
      [11],
      'after',
      { data: Buffer.from('alive?') },
    ]);
    expect(t.owner.stays).not.toHaveBeenCalled();
  });

  it('goes on where it was when it is rolled back', () => {
    const link = t.openLink();
    reroute(link);
    link.send('x', false);
    link.close(4000, 'bye');
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual(['x', { code: 4000, reason: 'bye' }]);
    expect(t.owner.stays).not.toHaveBeenCalled();
  });

  it('sends its close again that the relay may not have heard', () => {
    const link = t.openLink();
    link.close(4000, 'bye');
    reroute(link);
    expect(t.channel.take()).toEqual([{ code: 4000, reason: 'bye' }, ready(10, 0)]);
    link.rebind(t.next, elsewhere(0));
    expect(t.next.take().slice(2)).toEqual([{ code: 4000, reason: 'bye' }]);
  });
});
