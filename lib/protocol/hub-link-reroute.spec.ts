import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  MIGRATION,
  RecordingChannel,
  decide,
  elsewhere,
  end,
  ready,
  request,
  reroute,
  spy,
} from '../../test/support/hub-link-fixture.js';
import type { HubLink } from './hub-link.js';
import { MessageType } from './messages.js';

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
      [10],
      'after',
      { data: Buffer.from('alive?') },
      [11],
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

describe('HubLink while it goes to another service connection', () => {
  it.each(['reroute', 'migrate'] as const)('refuses another attempt: %s', (kind) => {
    const link = t.openLink();
    reroute(link);
    t.channel.take();
    request(link, 2, kind);
    const reason = 'another attempt is under way';
    expect(t.channel.take()).toEqual([{ ...ready(10, 0, 2), ready: false, reason }]);
    link.rebind(t.next, elsewhere(0));
    request(link, 3);
    expect(link.settling).toBe(true);
  });

  it('holds what the application sends, and drops it when that cuts the connection', () => {
    const link = t.openLink();
    const done = spy();
    reroute(link);
    t.channel.take();
    link.send('held', false, done);
    link.abort(1006, '');
    expect([t.channel.take(), done.mock.calls.length]).toEqual([[], 1]);
    link.rebind(t.next, elsewhere(0));
    expect(t.next.take().slice(2)).toEqual([{ code: 1006, reason: '' }]);
  });

  it('sends behind the answer only what fits, and the rest when the client took it', () => {
    const link = t.openLink();
    reroute(link);
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    link.close(4000, 'bye');
    link.rebind(t.next, elsewhere(0));
    expect(t.next.take().slice(2)).toEqual(['a', 'b', 'c']);
    link.onAck(2, []);
    expect(t.next.take()).toEqual(['d', { code: 4000, reason: 'bye' }]);
  });

  it('drops a pong, as there is no way for it', () => {
    const link = t.openLink();
    reroute(link);
    t.channel.take();
    link.pong(Buffer.from('x'));
    link.rebind(t.next, elsewhere(0));
    expect([t.channel.take(), t.next.take().slice(2)]).toEqual([[], []]);
  });

  it('hears of the pongs and acknowledgements that were on their way', () => {
    const link = t.openLink();
    const done = spy();
    link.send('x', false, done);
    link.ping(Buffer.from('alive?'));
    reroute(link);
    link.onAck(1, []);
    link.onMessage({ type: MessageType.ClientPong, link: 7, data: Buffer.from('alive?') });
    expect([done.mock.calls.length, t.owner.pongReceived.mock.calls.length]).toEqual([1, 1]);
    link.rebind(t.next, elsewhere(1));
    expect(t.next.take().slice(2)).toEqual([]);
  });

  it('acknowledges what was handled meanwhile, also when it stays where it was', () => {
    const link = t.openLink();
    link.onData('1', false);
    const number = link.delivered();
    reroute(link);
    link.handled(number);
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual([[11]]);
  });

  it('hears late that an attempt of the past was called off', () => {
    const link = t.openLink();
    reroute(link);
    decide(link, 'rolledBack');
    reroute(link, 2);
    t.channel.take();
    decide(link, 'rolledBack', 1);
    link.send('x', false);
    expect(t.channel.take()).toEqual([]);
    decide(link, 'rolledBack', 2);
    expect(t.channel.take()).toContain('x');
  });

  it.each([
    ['as asked', (link: HubLink) => link.rebind(t.next, elsewhere(1))],
    ['by rebinding', (link: HubLink) => t.rebind(link, 1)],
  ])('goes on after its service connection is lost, %s: nothing comes twice', (_, goOn) => {
    const link = t.openLink();
    link.send('1', false);
    link.send('2', false);
    reroute(link);
    link.send('3', false);
    t.channel.take();
    link.onLost(1006, 'cut');
    expect([link.detached, t.host.linkDetached.mock.calls.length]).toEqual([true, 1]);
    goOn(link);
    expect(t.next.take()).toEqual([{ accepted: true, received: 10 }, [10], '2', '3']);
    expect([t.owner.stays.mock.calls, t.ends()]).toEqual([[], { closed: 0, forgotten: 0 }]);
  });

  it('goes on from a service connection to the next when an answer gets lost', () => {
    const link = t.openLink();
    link.send('1', false);
    reroute(link);
    link.rebind(t.next, elsewhere(0));
    const lost = t.next;
    t.next = new RecordingChannel();
    t.rebind(link, 0, 6);
    expect([lost.released, t.next.take()]).toEqual([
      1,
      [{ accepted: true, received: 10 }, [10], '1'],
    ]);
  });

  it('finds what the relay must not do', () => {
    const link = t.openLink();
    reroute(link);
    expect(() => decide(link, 'committed')).toThrow('committed on link 7 while it is rerouting');
    expect(() => link.rebind(t.next, elsewhere(1))).toThrow('1 messages received of 0');
    expect(() => link.releaseOn(t.next, elsewhere(0, 'other'))).toThrow('committed elsewhere');
    expect(() => reroute(t.newLink())).toThrow('while it is opening');
  });
});

describe('the end of a client, as the hub server hears of it', () => {
  it.each([
    ['open', () => undefined],
    ['rerouting', (link: HubLink) => reroute(link)],
    ['requested', (link: HubLink) => [link.delivered(), request(link)]],
    ['paused', (link: HubLink) => request(link)],
    ['closing', (link: HubLink) => link.close(4000, 'bye')],
  ])('is confirmed and passed on once while the link is %s', (_, before) => {
    const link = t.openLink();
    before(link);
    t.channel.take();
    end(link, 1001);
    expect(t.channel.take()).toEqual([{}]);
    expect([t.owner.closed.mock.calls, t.ends()]).toEqual([
      [[1001, '', undefined]],
      { closed: 1, forgotten: 1 },
    ]);
    expect([t.channel.released, t.host.linkEnded.mock.calls.length]).toEqual([1, 1]);
  });

  it('is no end, and needs no confirmation, when the connection lives on elsewhere', () => {
    const link = t.openLink();
    end(link, 1012, MIGRATION);
    expect(t.channel.take()).toEqual([]);
    expect(t.owner.closed.mock.calls).toEqual([[1012, '', MIGRATION]]);
  });
});
