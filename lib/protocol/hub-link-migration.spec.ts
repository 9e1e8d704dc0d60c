import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  decide,
  handOver,
  ready,
  request,
  spy,
  waiting,
} from '../../test/support/hub-link-fixture.js';
import { MessageType } from './messages.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

describe('HubLink that leaves for another server', () => {
  it('is ready at once when no handler runs, with everything sent', () => {
    const link = t.openLink();
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    request(link);
    expect(t.channel.take()).toEqual(['a', 'b', 'c', 'd', ready(10, 4)]);
    expect([link.leaving, link.settling]).toEqual([true, true]);
  });

  it.each(['handled', 'received'] as const)('is ready when its handlers are done: %s', (ack) => {
    const link = t.openLink(ack);
    const [first, second] = [handOver(link), handOver(link)];
    request(link);
    link.handled(second);
    expect(link.settling).toBe(false);
    link.send('reply', false);
    link.handled(first);
    expect(t.channel.take()).toEqual([waiting(), 'reply', [12], ready(12, 1, 1, 10)]);
  });

  it('leaves what was not handed to handlers to the other server', () => {
    const link = t.openLink();
    link.onData('one', false);
    link.onData('two', false);
    link.handled(link.delivered());
    request(link);
    expect(t.channel.take()).toEqual([[11], ready(11, 0, 1, 12)]);
  });

  it('hands over what was sent after READY, and ends', () => {
    const link = t.openLink();
    const [done, late] = [spy(), spy()];
    request(link);
    t.channel.take();
    link.send('late', false, (error) => {
      done(error);
      link.send('too late', false, late);
    });
    link.close(4000, 'bye');
    expect(t.channel.take()).toEqual([]);
    decide(link, 'committed');
    expect(t.channel.take()).toEqual([
      'late',
      { attempt: 1, sent: 1, close: { code: 4000, reason: 'bye' } },
    ]);
    const migration = { server: 'other', reason: 'why', attempt: 1 };
    expect(t.owner.closed.mock.calls).toEqual([[1012, 'why', migration]]);
    expect([done.mock.calls.length, t.host.linkForgotten.mock.calls.length]).toEqual([0, 0]);
    link.onMessage({
      type: MessageType.CloseConnection,
      link: 7,
      code: 1012,
      reason: '',
      migration,
    });
    expect(done).toHaveBeenCalledWith(undefined);
    expect([t.host.linkForgotten.mock.calls.length, t.owner.closed.mock.calls.length]).toEqual([
      1, 1,
    ]);
    expect(late.mock.calls[0]![0]).toBeInstanceOf(Error);
  });

  it('goes on when it is rolled back, and can be asked again', () => {
    const link = t.openLink();
    request(link);
    link.send('kept', false);
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.owner.stays).toHaveBeenCalledWith('why', undefined);
    expect([t.channel.take(), link.leaving]).toEqual([['kept'], false]);
    request(link, 2);
    expect(t.channel.take()).toEqual([ready(10, 1, 2)]);
  });

  it('goes on when it is rolled back before it was ready', () => {
    const link = t.openLink();
    const number = link.delivered();
    request(link);
    decide(link, 'rolledBack');
    link.handled(number);
    expect([t.channel.take(), link.leaving]).toEqual([[waiting(), [11]], false]);
  });

  it('ignores an answer and a request of an old attempt', () => {
    const link = t.openLink();
    const number = link.delivered();
    request(link, 2);
    request(link, 1);
    decide(link, 'rolledBack', 1);
    decide(link, 'committed', 1);
    expect(link.leaving).toBe(true);
    link.handled(number);
    expect(t.channel.take()).toContainEqual(ready(11, 0, 2, 10));
  });

  it('takes a repeated request as a new one while it waits', () => {
    const link = t.openLink();
    const number = link.delivered();
    request(link, 1);
    request(link, 2);
    link.handled(number);
    expect(t.channel.take()).toContainEqual(ready(11, 0, 2, 10));
  });

  it('does not leave once it closes', () => {
    const link = t.openLink();
    link.close(4000, '');
    request(link);
    expect(t.channel.take()).toEqual([{ code: 4000, reason: '' }]);
  });

  it('answers a repeated request once, and another one while it is migrating with a refusal', () => {
    const link = t.openLink();
    request(link);
    t.channel.take();
    request(link);
    expect(t.channel.take()).toEqual([]);
    request(link, 2);
    const reason = 'another attempt is under way';
    expect(t.channel.take()).toEqual([{ ...ready(10, 0, 2), ready: false, reason }]);
    expect(link.settling).toBe(true);
  });

  it('finds what the relay must not do', () => {
    expect(() => t.newLink().onData('x', false)).toThrow('while it is opening');
    expect(() => request(t.newLink())).toThrow('while it is opening');
    const link = t.openLink();
    link.delivered();
    request(link);
    expect(() => decide(link, 'committed')).toThrow('committed on link 7 while it is requested');
    const paused = t.openLink();
    request(paused);
    expect(() => paused.onData('x', false)).toThrow('while it is migrating');
  });
});
