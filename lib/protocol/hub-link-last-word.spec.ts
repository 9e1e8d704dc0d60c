import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  MIGRATION,
  RecordingChannel,
  decide,
  elsewhere,
  end,
  request,
  spy,
} from '../../test/support/hub-link-fixture.js';
import type { HubLink } from './hub-link.js';

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

describe('the last word', () => {
  /** Has left, having sent one message before READY and one after. */
  function leftLink(close = false): HubLink {
    const link = t.openLink();
    link.send('1', false);
    request(link);
    link.send('2', false);
    if (close) link.close(4000, 'bye');
    decide(link, 'committed');
    t.channel.take();
    return link;
  }

  it.each([
    [0, ['1', '2']],
    [1, ['2']],
    [2, []],
  ])('is said again with what the relay has not: it received %s', (received, again) => {
    const link = leftLink();
    link.onLost(1006, 'cut');
    link.releaseOn(t.next, elsewhere(received, 'other'));
    expect(t.next.take()).toEqual([
      { accepted: true, received: 10 },
      ...again,
      { attempt: 1, sent: 2 },
    ]);
  });

  it('is said as often as the relay asks, with the close, and passed on once', () => {
    const link = leftLink(true);
    for (let epoch = 5; epoch < 8; epoch++) {
      link.onLost(1006, 'cut');
      t.next = new RecordingChannel();
      link.releaseOn(t.next, elsewhere(2, 'other', epoch));
      const close = { code: 4000, reason: 'bye' };
      expect(t.next.take().slice(1)).toEqual([{ attempt: 1, sent: 2, close }]);
      expect(link.epoch).toBe(epoch);
    }
    end(link, 1012, MIGRATION);
    expect(t.ends()).toEqual({ closed: 1, forgotten: 1 });
  });

  it('leaves a service connection that it believes to be alive', () => {
    const link = leftLink();
    link.releaseOn(t.next, elsewhere(2, 'other'));
    expect([t.channel.released, link.detached]).toEqual([1, false]);
  });

  it('lets go of what was sent, without an error, once it is confirmed', () => {
    const link = t.openLink();
    const done = spy();
    link.send('1', false, done);
    request(link);
    decide(link, 'committed');
    expect([done.mock.calls.length, link.bufferedBytes]).toEqual([0, 1]);
    end(link, 1012, MIGRATION);
    expect([done.mock.calls, link.bufferedBytes]).toEqual([[[undefined]], 0]);
    expect(t.ends()).toEqual({ closed: 1, forgotten: 1 });
  });

  it.each([
    ['by the end of the client', (link: HubLink) => end(link, 1001)],
    ['when the relay has no more of it', (link: HubLink) => link.gone(1006, '')],
  ])('is not waited for any more %s', (_, event) => {
    const link = leftLink();
    event(link);
    event(link);
    expect([t.ends(), link.released]).toEqual([{ closed: 1, forgotten: 1 }, false]);
    expect(t.host.linkEnded).toHaveBeenCalledTimes(1);
  });

  it('is followed by nothing, whatever the application does', () => {
    const link = leftLink();
    const failed = spy();
    link.send('late', false, failed);
    link.ping(Buffer.from('late'));
    link.pong(Buffer.from('late'));
    link.close(4000, 'bye');
    link.abort(1006, '');
    link.handled(link.delivered());
    expect(t.channel.take()).toEqual([]);
    expect(failed.mock.calls[0]![0]).toBeInstanceOf(Error);
    link.onLost(1006, 'cut');
    link.releaseOn(t.next, elsewhere(2, 'other'));
    expect(t.next.take().slice(1)).toEqual([{ attempt: 1, sent: 2 }]);
  });

  it('is not disturbed by requests and decisions of the past', () => {
    const link = leftLink();
    request(link, 2);
    decide(link, 'rolledBack');
    decide(link, 'committed');
    expect([t.channel.take(), link.released, t.owner.stays.mock.calls]).toEqual([[], true, []]);
  });

  it('is said only on a link that has left or is about to', () => {
    for (const before of [() => undefined, (link: HubLink) => [link.delivered(), request(link)]]) {
      const link = t.openLink();
      before(link);
      expect(() => link.releaseOn(t.next, elsewhere(0, 'other'))).toThrow('committed elsewhere');
    }
    expect(() => leftLink().releaseOn(t.next, elsewhere(3, 'other'))).toThrow(
      '3 messages received of 2',
    );
    expect(() => leftLink().onData('x', false)).toThrow('while it is released');
  });
});
