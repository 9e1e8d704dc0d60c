import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  OPEN,
  RecordingChannel,
  decide,
  elsewhere,
  request,
} from '../../test/support/hub-link-fixture.js';
import type { HubLink } from './hub-link.js';
import { MessageType } from './messages.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

describe('HubLink on another service connection', () => {
  it('says how far it received and handled, and sends again what the relay did not receive', () => {
    const link = t.openLink();
    for (const text of ['a', 'b', 'c', 'd', 'e']) link.send(text, false);
    link.onAck(1, []);
    for (const text of ['1', '2', '3']) link.onData(text, false);
    const numbers = [link.delivered(), link.delivered()];
    link.handled(numbers[1]!);
    t.channel.take();
    link.onLost(1006, 'cut');
    link.send('f', false);
    link.handled(numbers[0]!);
    expect(t.channel.take()).toEqual([]);
    t.rebind(link, 3);
    // b and c are in flight, so there is room for one.
    expect(t.next.take()).toEqual([{ accepted: true, received: 13 }, [10], 'd']);
    expect([link.detached, link.epoch]).toEqual([false, 5]);
    link.onAck(4, []);
    // What the handlers sent is on its way: their messages are handled.
    expect(t.next.take()).toEqual(['e', 'f', [12]]);
  });

  it('names the ranges it has handled above a gap, all of them', () => {
    const link = t.openLink();
    const numbers = [1, 2, 3].map(() => link.delivered());
    link.handled(numbers[2]!);
    t.channel.take();
    link.onLost(1006, 'cut');
    t.rebind(link, 0);
    expect(t.next.take()[1]).toEqual([10, 13, 13]);
  });

  it('leaves one that it believes to be alive', () => {
    const link = t.openLink();
    t.rebind(link, 0);
    expect(t.channel.released).toBe(1);
    link.send('x', false);
    link.handled(link.delivered());
    expect([t.channel.take(), t.next.take().slice(2)]).toEqual([[], ['x', [11]]]);
  });

  it.each([-1, 2])('refuses that the relay received %s of 1 messages, and changes nothing', (n) => {
    const link = t.openLink();
    link.send('x', false);
    expect(() => t.rebind(link, n)).toThrow('messages received of 1');
    expect([t.channel.released, link.epoch]).toEqual([0, OPEN.epoch]);
  });

  it('asks again to be closed', () => {
    const link = t.openLink();
    link.send('x', false);
    link.close(4000, 'bye');
    t.channel.take();
    link.onLost(1006, 'cut');
    t.rebind(link, 0);
    expect(t.next.take().slice(2)).toEqual(['x', { code: 4000, reason: 'bye' }]);
  });

  it.each(['requested', 'paused'])('stays when it was %s', (phase) => {
    const link = t.openLink();
    const number = phase === 'requested' ? link.delivered() : 0;
    request(link);
    link.send('x', false);
    link.onLost(1006, 'cut');
    t.rebind(link, 0);
    expect([t.owner.stays.mock.calls, link.leaving, link.settling]).toEqual([
      [['rebound', undefined]],
      false,
      false,
    ]);
    expect(t.next.take().slice(2)).toEqual(['x']);
    if (number) link.handled(number);
    decide(link, 'committed');
    expect(t.owner.closed).not.toHaveBeenCalled();
    request(link, 2);
    expect(link.settling).toBe(true);
  });

  it('can be bound to a third one', () => {
    const link = t.openLink();
    link.send('x', false);
    t.rebind(link, 0);
    link.onLost(1006, 'cut');
    t.next = new RecordingChannel();
    t.rebind(link, 1, 6);
    expect(t.next.take()).toEqual([{ accepted: true, received: 10 }, [10]]);
  });

  it('sends again the pings that no pong has answered', () => {
    const link = t.openLink();
    for (const text of ['1', '2', '3']) link.ping(Buffer.from(text));
    link.onMessage({ type: MessageType.ClientPong, link: 7, data: Buffer.from('2') });
    t.channel.take();
    link.onLost(1006, 'cut');
    link.rebind(t.next, elsewhere(0));
    expect(t.next.take().slice(2)).toEqual([{ data: Buffer.from('3') }]);
  });
});

describe('pings that no pong has answered', () => {
  const ping = (text: string) => ({ data: Buffer.from(text) });
  const pong = (link: HubLink, text: string) =>
    link.onMessage({ type: MessageType.ClientPong, link: 7, data: Buffer.from(text) });

  it('leave when the connection is accepted', () => {
    const link = t.newLink();
    link.ping(Buffer.from('1'));
    link.accept('');
    expect(t.channel.take().slice(1)).toEqual([ping('1')]);
  });

  it('come again when a migration is called off, those sent while it was paused too', () => {
    const link = t.openLink();
    link.ping(Buffer.from('1'));
    request(link);
    link.ping(Buffer.from('2'));
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual([ping('1'), ping('2')]);
    pong(link, '2');
    request(link, 2);
    t.channel.take();
    decide(link, 'rolledBack', 2);
    expect(t.channel.take()).toEqual([]);
  });

  it('come again on each service connection, behind what was sent before', () => {
    const link = t.openLink();
    link.ping(Buffer.from('1'));
    link.onLost(1006, 'cut');
    link.ping(Buffer.from('2'));
    link.send('x', false);
    t.rebind(link, 0);
    expect(t.next.take().slice(2)).toEqual(['x', ping('1'), ping('2')]);
    link.onLost(1006, 'cut');
    t.rebind(link, 1, 6);
    expect(t.next.take().slice(2)).toEqual([ping('1'), ping('2')]);
  });
});
