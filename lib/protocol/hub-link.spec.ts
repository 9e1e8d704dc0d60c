import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  OPEN,
  handOver,
  ready,
  request,
  spy,
} from '../../test/support/hub-link-fixture.js';
import type { HubLink } from './hub-link.js';
import { MessageType } from './messages.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

describe('HubLink', () => {
  it('sends what was sent before it was accepted, after the answer', () => {
    const link = t.newLink();
    link.send('early', false);
    expect(t.channel.take()).toEqual([]);
    link.accept('chat');
    expect(t.channel.take()).toEqual([{ accepted: true, protocol: 'chat' }, 'early']);
  });

  it('is over when it is refused, without a callback', () => {
    const link = t.newLink();
    const done = spy();
    link.send('never', false, done);
    link.refuse(403, 'no');
    link.accept('');
    expect(t.channel.take()).toEqual([{ accepted: false, status: 403, reason: 'no', headers: [] }]);
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect([t.channel.released, t.owner.closed.mock.calls.length]).toEqual([1, 0]);
    expect(t.host.linkEnded).toHaveBeenCalledWith(link, undefined);
  });

  it.each([
    ['received', [12]],
    ['handled', [10, 12, 12]],
  ] as const)('acknowledges what is %s', (ack, acknowledged) => {
    const link = t.openLink(ack);
    expect([handOver(link), handOver(link)]).toEqual([11, 12]);
    link.handled(12);
    expect(t.channel.take()).toEqual([[...acknowledged]]);
  });

  it('holds back what is over the limit in flight, and calls back when it is taken', () => {
    const link = t.openLink();
    const done = spy();
    for (const text of ['a', 'b', 'c', 'd', 'e']) link.send(text, false, () => done(text));
    expect(t.channel.take()).toEqual(['a', 'b', 'c']);
    expect(link.bufferedBytes).toBe(5);
    link.onAck(1, []);
    expect([t.channel.take(), done.mock.calls, link.bufferedBytes]).toEqual([['d'], [['a']], 4]);
    link.onAck(4, []);
    expect(t.channel.take()).toEqual(['e']);
    expect(() => link.onAck(6, [])).toThrow('message 6 acknowledged, 5 sent');
  });

  it('goes on for ever when each callback sends the next message', () => {
    const link = t.newLink('handled', { retainedBytes: 100, retainedMessages: 1000 });
    link.accept('');
    let sent = 0;
    const next = () => {
      if (sent < 500) link.send(`message ${++sent}`, false, next);
    };
    next();
    for (let taken = 1; taken <= 500; taken++) link.onAck(taken, []);
    expect([sent, link.bufferedBytes]).toEqual([500, 0]);
  });

  it('closes behind what was sent', () => {
    const link = t.openLink();
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    link.close(4000, 'bye');
    link.close(4001, 'again');
    expect(t.channel.take()).toEqual(['a', 'b', 'c']);
    link.onAck(1, []);
    expect(t.channel.take()).toEqual(['d', { code: 4000, reason: 'bye' }]);
  });

  it.each(['open', 'requested', 'paused'])('waits to be rebound when it is %s', (phase) => {
    const link = t.openLink();
    const done = spy();
    link.send('x', false, done);
    if (phase === 'requested') link.delivered();
    if (phase !== 'open') request(link);
    link.onLost(1006, 'cut');
    link.onLost(1006, 'cut');
    expect([link.detached, t.host.linkDetached.mock.calls]).toEqual([true, [[link, t.channel]]]);
    expect([t.owner.closed.mock.calls.length, done.mock.calls.length]).toEqual([0, 0]);
  });

  it.each(['open', 'requested', 'paused'])('ends once, though detached, while %s', (phase) => {
    const link = t.openLink();
    const done = spy();
    link.send('x', false, done);
    if (phase === 'requested') link.delivered();
    if (phase !== 'open') request(link);
    link.onLost(1006, 'cut');
    link.gone(1006, 'gone');
    link.gone(1006, 'gone');
    link.onMessage({ type: MessageType.CloseConnection, link: 7, code: 1000, reason: '' });
    expect(t.owner.closed.mock.calls).toEqual([[1006, 'gone', undefined]]);
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect(link.bufferedBytes).toBe(0);
    t.channel.take();
    link.send('late', false, done);
    link.handled(11);
    expect([t.channel.take(), done.mock.calls.length]).toEqual([[], 2]);
  });

  it('ends when it is lost while it opens', () => {
    t.newLink().onLost(1006, 'cut');
    expect(t.owner.closed.mock.calls).toEqual([[1006, 'cut', undefined]]);
  });

  it('says that a connection stays elsewhere when it is lost while it moves here', () => {
    const migration = { server: 'other', reason: 'shutdown', attempt: 4 };
    const open = { ...OPEN, migration };
    const limits = { retainedBytes: 1000, retainedMessages: 3 };
    t.newLink('handled', limits, open).onLost(1006, 'cut');
    expect(t.owner.closed.mock.calls).toEqual([
      [1006, 'cut', { ...migration, reason: 'rolledBack' }],
    ]);
  });
});

describe('numbers that another server acknowledged', () => {
  const skip = (link: HubLink, count: number) =>
    link.onMessage({ type: MessageType.SkipMessages, link: 7, count });

  it('count as handled once the messages before them were handed over', () => {
    const link = t.openLink();
    link.onData('11', false);
    skip(link, 2);
    link.onData('14', false);
    skip(link, 1);
    link.onData('16', false);
    const numbers = [link.delivered(), link.delivered(), link.delivered()];
    expect(numbers).toEqual([11, 14, 16]);
    for (const number of numbers) link.handled(number);
    expect(t.channel.take()).toEqual([[16]]);
  });

  it('count at once when no message waits', () => {
    const link = t.openLink();
    skip(link, 3);
    request(link);
    expect(t.channel.take()).toEqual([ready(13, 0)]);
  });
});
