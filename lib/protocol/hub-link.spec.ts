import { beforeEach, describe, expect, it, vi } from 'vitest';
import { HubLink } from './hub-link.js';
import type { AckMode } from './hub-link.js';
import { MessageType } from './messages.js';
import type { ControlMessage, OpenConnection } from './messages.js';
import type { AckSource, LinkChannel } from './session.js';

const spy = () => vi.fn<(...args: unknown[]) => void>();

const OPEN = { link: 7, port: 0, path: '/chat', inbound: 10 } as OpenConnection;

class RecordingChannel implements LinkChannel {
  sent: unknown[] = [];
  readonly sources: AckSource[] = [];
  released = 0;
  sendData(_link: number, data: string | Buffer): void {
    this.sent.push(data.toString());
  }
  sendAck(_link: number, count: number, ranges: readonly number[]): void {
    this.sent.push([count, ...ranges]);
  }
  sendControl(message: ControlMessage): void {
    const fields: Record<string, unknown> = { ...message };
    delete fields['type'];
    delete fields['link'];
    this.sent.push(fields);
  }
  scheduleAck(source: AckSource): void {
    this.sources.push(source);
  }
  release(): void {
    this.released++;
  }
  take(): unknown[] {
    for (const source of this.sources.splice(0)) source.writeAck();
    return this.sent.splice(0);
  }
}

let channel: RecordingChannel;
const owner = { deliver: spy(), pongReceived: spy(), closed: spy(), stays: spy() };
const host = { linkEnded: spy(), linkDetached: spy(), linkForgotten: spy() };

function newLink(ack: AckMode = 'handled', limits = { retainedBytes: 1000, retainedMessages: 3 }) {
  return new HubLink(channel, 7, OPEN, ack, limits, host, owner);
}

function openLink(ack?: AckMode) {
  const link = newLink(ack);
  link.accept('');
  channel.take();
  return link;
}

const request = (link: HubLink, attempt = 1) =>
  link.onMessage({
    type: MessageType.MigrateConnectionRequest,
    link: 7,
    kind: 'migrate',
    attempt,
    reason: 'shutdown',
    deadlineMs: 1000,
  });

const decide = (link: HubLink, outcome: 'committed' | 'rolledBack', attempt = 1) =>
  link.onMessage({
    type: MessageType.MigrateConnectionAck,
    link: 7,
    attempt,
    outcome,
    server: 'other',
    reason: 'why',
    epoch: 3,
  });

const ready = (handled: number, sent: number, attempt = 1) => ({
  attempt,
  ready: true,
  handled,
  sent,
});

beforeEach(() => {
  channel = new RecordingChannel();
  vi.clearAllMocks();
});

describe('HubLink', () => {
  it('sends what was sent before it was accepted, after the answer', () => {
    const link = newLink();
    link.send('early', false);
    expect(channel.take()).toEqual([]);
    link.accept('chat');
    expect(channel.take()).toEqual([{ accepted: true, protocol: 'chat' }, 'early']);
  });

  it('is over when it is refused, without a callback', () => {
    const link = newLink();
    const done = spy();
    link.send('never', false, done);
    link.refuse(403, 'no');
    link.accept('');
    expect(channel.take()).toEqual([{ accepted: false, status: 403, reason: 'no', headers: [] }]);
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect([channel.released, owner.closed.mock.calls.length]).toEqual([1, 0]);
    expect(host.linkEnded).toHaveBeenCalledWith(link, undefined);
  });

  it.each([
    ['received', [12]],
    ['handled', [10, 12, 12]],
  ] as const)('acknowledges what is %s', (ack, acknowledged) => {
    const link = openLink(ack);
    expect([link.delivered(), link.delivered()]).toEqual([11, 12]);
    link.handled(12);
    expect(channel.take()).toEqual([[...acknowledged]]);
  });

  it('holds back what is over the limit in flight, and calls back when it is taken', () => {
    const link = openLink();
    const done = spy();
    for (const text of ['a', 'b', 'c', 'd', 'e']) link.send(text, false, () => done(text));
    expect(channel.take()).toEqual(['a', 'b', 'c']);
    expect(link.bufferedBytes).toBe(5);
    link.onAck(1, []);
    expect([channel.take(), done.mock.calls, link.bufferedBytes]).toEqual([['d'], [['a']], 4]);
    link.onAck(4, []);
    expect(channel.take()).toEqual(['e']);
    expect(() => link.onAck(6, [])).toThrow('message 6 acknowledged, 5 sent');
  });

  it('goes on for ever when each callback sends the next message', () => {
    const link = newLink('handled', { retainedBytes: 100, retainedMessages: 1000 });
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
    const link = openLink();
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    link.close(4000, 'bye');
    link.close(4001, 'again');
    expect(channel.take()).toEqual(['a', 'b', 'c']);
    link.onAck(1, []);
    expect(channel.take()).toEqual(['d', { code: 4000, reason: 'bye' }]);
  });

  it('is ready at once when no handler runs, with everything sent', () => {
    const link = openLink();
    for (const text of ['a', 'b', 'c', 'd']) link.send(text, false);
    request(link);
    expect(channel.take()).toEqual(['a', 'b', 'c', 'd', ready(10, 4)]);
    expect([link.leaving, link.paused]).toEqual([true, true]);
  });

  it.each(['handled', 'received'] as const)('is ready when its handlers are done: %s', (ack) => {
    const link = openLink(ack);
    const [first, second] = [link.delivered(), link.delivered()];
    request(link);
    link.handled(second);
    expect(link.paused).toBe(false);
    link.send('reply', false);
    link.handled(first);
    const sent = channel.take().filter((it) => !Array.isArray(it));
    expect(sent).toEqual(['reply', ready(12, 1)]);
  });

  it('leaves what was not handed to handlers to the other server', () => {
    const link = openLink();
    link.onData('one', false);
    link.onData('two', false);
    link.handled(link.delivered());
    request(link);
    expect(channel.take()).toEqual([ready(11, 0), [11]]);
  });

  it('hands over what was sent after READY, and ends', () => {
    const link = openLink();
    const [done, late] = [spy(), spy()];
    request(link);
    channel.take();
    link.send('late', false, (error) => {
      done(error);
      link.send('too late', false, late);
    });
    link.close(4000, 'bye');
    expect(channel.take()).toEqual([]);
    decide(link, 'committed');
    expect(channel.take()).toEqual([
      'late',
      { attempt: 1, sent: 1, close: { code: 4000, reason: 'bye' } },
    ]);
    const migration = { server: 'other', reason: 'why', attempt: 1 };
    expect(owner.closed.mock.calls).toEqual([[1012, 'why', migration]]);
    expect(done).toHaveBeenCalledWith(undefined);
    expect(late.mock.calls[0]![0]).toBeInstanceOf(Error);
  });

  it('goes on when it is rolled back, and can be asked again', () => {
    const link = openLink();
    request(link);
    link.send('kept', false);
    channel.take();
    decide(link, 'rolledBack');
    expect(owner.stays).toHaveBeenCalledWith('why');
    expect([channel.take(), link.leaving]).toEqual([['kept'], false]);
    request(link, 2);
    expect(channel.take()).toEqual([ready(10, 1, 2)]);
  });

  it('goes on when it is rolled back before it was ready', () => {
    const link = openLink();
    const number = link.delivered();
    request(link);
    decide(link, 'rolledBack');
    link.handled(number);
    expect([channel.take(), link.leaving]).toEqual([[[11]], false]);
  });

  it('ignores an answer and a request of an old attempt', () => {
    const link = openLink();
    const number = link.delivered();
    request(link, 2);
    request(link, 1);
    decide(link, 'rolledBack', 1);
    decide(link, 'committed', 1);
    expect(link.leaving).toBe(true);
    link.handled(number);
    expect(channel.take()).toContainEqual(ready(11, 0, 2));
  });

  it('takes a repeated request as a new one while it waits', () => {
    const link = openLink();
    const number = link.delivered();
    request(link, 1);
    request(link, 2);
    link.handled(number);
    expect(channel.take()).toContainEqual(ready(11, 0, 2));
  });

  it('does not leave once it closes', () => {
    const link = openLink();
    link.close(4000, '');
    request(link);
    expect(channel.take()).toEqual([{ code: 4000, reason: '' }]);
  });

  it('finds what the relay must not do', () => {
    expect(() => newLink().onData('x', false)).toThrow('while it is opening');
    expect(() => request(newLink())).toThrow('while it is opening');
    const link = openLink();
    link.delivered();
    request(link);
    expect(() => decide(link, 'committed')).toThrow('committed before it was ready');
    const paused = openLink();
    request(paused);
    expect(() => paused.onData('x', false)).toThrow('while it is paused');
    expect(() => request(paused, 2)).toThrow('while it is paused');
  });

  it.each(['open', 'requested', 'paused'])('waits to be rebound when it is %s', (phase) => {
    const link = openLink();
    const done = spy();
    link.send('x', false, done);
    if (phase === 'requested') link.delivered();
    if (phase !== 'open') request(link);
    link.onLost(1006, 'cut');
    link.onLost(1006, 'cut');
    expect([link.detached, host.linkDetached.mock.calls]).toEqual([true, [[link]]]);
    expect([owner.closed.mock.calls.length, done.mock.calls.length]).toEqual([0, 0]);
  });

  it.each(['open', 'requested', 'paused'])('ends once, though detached, while %s', (phase) => {
    const link = openLink();
    const done = spy();
    link.send('x', false, done);
    if (phase === 'requested') link.delivered();
    if (phase !== 'open') request(link);
    link.onLost(1006, 'cut');
    link.gone(1006, 'gone');
    link.gone(1006, 'gone');
    link.onMessage({ type: MessageType.CloseConnection, link: 7, code: 1000, reason: '' });
    expect(owner.closed.mock.calls).toEqual([[1006, 'gone', undefined]]);
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect(link.bufferedBytes).toBe(0);
    channel.take();
    link.send('late', false, done);
    link.handled(11);
    expect([channel.take(), done.mock.calls.length]).toEqual([[], 2]);
  });

  it('ends when it is lost while it opens', () => {
    newLink().onLost(1006, 'cut');
    expect(owner.closed.mock.calls).toEqual([[1006, 'cut', undefined]]);
  });

  it('says that a connection stays elsewhere when it is lost while it moves here', () => {
    const migration = { server: 'other', reason: 'shutdown', attempt: 4 };
    const open = { ...OPEN, migration };
    const limits = { retainedBytes: 1000, retainedMessages: 3 };
    new HubLink(channel, 7, open, 'handled', limits, host, owner).onLost(1006, 'cut');
    expect(owner.closed.mock.calls).toEqual([
      [1006, 'cut', { ...migration, reason: 'rolledBack' }],
    ]);
  });
});

describe('HubLink on another service connection', () => {
  let next: RecordingChannel;
  beforeEach(() => (next = new RecordingChannel()));

  const rebind = (link: HubLink, received: number, epoch = 5) =>
    link.rebind(next, {
      type: MessageType.RebindConnection,
      link: 3,
      connectionId: 'id',
      epoch,
      received,
    });

  it('says how far it received and handled, and sends again what the relay did not receive', () => {
    const link = openLink();
    for (const text of ['a', 'b', 'c', 'd', 'e']) link.send(text, false);
    link.onAck(1, []);
    for (const text of ['1', '2', '3']) link.onData(text, false);
    const numbers = [link.delivered(), link.delivered()];
    link.handled(numbers[1]!);
    channel.take();
    link.onLost(1006, 'cut');
    link.send('f', false);
    link.handled(numbers[0]!);
    expect(channel.take()).toEqual([]);
    rebind(link, 3);
    // b and c are in flight, so there is room for one.
    expect(next.take()).toEqual([{ accepted: true, received: 13 }, [12], 'd']);
    expect([link.detached, link.epoch]).toEqual([false, 5]);
    link.onAck(4, []);
    expect(next.take()).toEqual(['e', 'f']);
  });

  it('names the ranges it has handled above a gap, all of them', () => {
    const link = openLink();
    const numbers = [1, 2, 3].map(() => link.delivered());
    link.handled(numbers[2]!);
    channel.take();
    link.onLost(1006, 'cut');
    rebind(link, 0);
    expect(next.take()[1]).toEqual([10, 13, 13]);
  });

  it('leaves one that it believes to be alive', () => {
    const link = openLink();
    rebind(link, 0);
    expect(channel.released).toBe(1);
    link.send('x', false);
    link.handled(link.delivered());
    expect([channel.take(), next.take().slice(2)]).toEqual([[], ['x', [11]]]);
  });

  it.each([-1, 2])('refuses that the relay received %s of 1 messages, and changes nothing', (n) => {
    const link = openLink();
    link.send('x', false);
    expect(() => rebind(link, n)).toThrow('messages received of 1');
    expect([channel.released, link.epoch]).toEqual([0, OPEN.epoch]);
  });

  it('asks again to be closed', () => {
    const link = openLink();
    link.send('x', false);
    link.close(4000, 'bye');
    channel.take();
    link.onLost(1006, 'cut');
    rebind(link, 0);
    expect(next.take().slice(2)).toEqual(['x', { code: 4000, reason: 'bye' }]);
  });

  it.each(['requested', 'paused'])('stays when it was %s', (phase) => {
    const link = openLink();
    const number = phase === 'requested' ? link.delivered() : 0;
    request(link);
    link.send('x', false);
    link.onLost(1006, 'cut');
    rebind(link, 0);
    expect([owner.stays.mock.calls, link.leaving, link.paused]).toEqual([
      [['rebound']],
      false,
      false,
    ]);
    expect(next.take().slice(2)).toEqual(['x']);
    if (number) link.handled(number);
    decide(link, 'committed');
    expect(owner.closed).not.toHaveBeenCalled();
    request(link, 2);
    expect(link.paused).toBe(true);
  });

  it('can be bound to a third one', () => {
    const link = openLink();
    link.send('x', false);
    rebind(link, 0);
    link.onLost(1006, 'cut');
    next = new RecordingChannel();
    rebind(link, 1, 6);
    expect(next.take()).toEqual([{ accepted: true, received: 10 }, [10]]);
  });
});

describe('numbers that another server acknowledged', () => {
  const skip = (link: HubLink, count: number) =>
    link.onMessage({ type: MessageType.SkipMessages, link: 7, count });

  it('count as handled once the messages before them were handed over', () => {
    const link = openLink();
    link.onData('11', false);
    skip(link, 2);
    link.onData('14', false);
    skip(link, 1);
    link.onData('16', false);
    const numbers = [link.delivered(), link.delivered(), link.delivered()];
    expect(numbers).toEqual([11, 14, 16]);
    for (const number of numbers) link.handled(number);
    expect(channel.take()).toEqual([[16]]);
  });

  it('count at once when no message waits', () => {
    const link = openLink();
    skip(link, 3);
    request(link);
    expect(channel.take()).toEqual([ready(13, 0)]);
  });
});
