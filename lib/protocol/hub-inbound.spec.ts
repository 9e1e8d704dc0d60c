import { beforeEach, describe, expect, it } from 'vitest';
import {
  HubLinkFixture,
  RecordingChannel,
  decide,
  elsewhere,
  end,
  handOver,
  ready,
  request,
  reroute,
} from '../../test/support/hub-link-fixture.js';
import type { HubLink } from './hub-link.js';

let t: HubLinkFixture;
beforeEach(() => (t = new HubLinkFixture()));

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

describe('acknowledgements', () => {
  it('wait for an owner that holds them', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    const numbers = [handOver(link), handOver(link)];
    for (const number of numbers) link.handled(number);
    expect([t.owner.messageHandled.mock.calls, t.channel.take()]).toEqual([[[11], [12]], []]);
    link.acknowledge(12);
    expect(t.channel.take()).toEqual([[10, 12, 12]]);
    link.acknowledge(11);
    expect(t.channel.take()).toEqual([[12]]);
  });

  it.each([false, true])(
    'wait for results that wait themselves (held by the owner: %s)',
    (held) => {
      t.owner.holdsAcks = held;
      const link = t.openLink();
      const handle = (...results: string[]) => {
        const number = handOver(link);
        for (const result of results) link.send(result, false);
        link.handled(number);
        if (held) link.acknowledge(number);
      };
      handle('1');
      handle('2', '3', '4');
      handle('5');
      expect(t.channel.take()).toEqual(['1', '2', '3', [11]]);
      link.onAck(1, []);
      expect(t.channel.take()).toEqual(['4', [12]]);
      link.onAck(2, []);
      expect(t.channel.take()).toEqual(['5', [13]]);
    },
  );

  it('wait for results that wait while there is no service connection', () => {
    const link = t.openLink();
    const number = handOver(link);
    link.onLost(1006, '');
    link.send('result', false);
    link.handled(number);
    t.rebind(link, 0);
    const [, ...rest] = t.next.take();
    expect(rest).toEqual([[10], 'result', [11]]);
  });

  it('wait for nobody in mode received', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink('received');
    const number = handOver(link);
    link.handled(number);
    link.acknowledge(number);
    expect([t.owner.messageHandled.mock.calls, t.channel.take()]).toEqual([[[11]], [[11]]]);
  });

  it('do not wait for the owner to let the connection leave', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    link.handled(handOver(link));
    request(link);
    expect(t.channel.take()).toEqual([ready(10, 0)]);
  });

  it('wait in mode received for a message that can be suspended', () => {
    const link = t.openLink('received');
    const [batch] = [link.delivered(), handOver(link)];
    request(link);
    t.channel.take();
    link.suspended(batch);
    link.handled(12);
    expect(t.channel.take()).toEqual([ready(10, 0, 1, 10)]);
    decide(link, 'rolledBack');
    link.resumed();
    link.dispatched(batch);
    link.handled(batch);
    expect(t.channel.take()).toEqual([[12]]);
  });

  it.each([
    ['migrating', (link: HubLink) => request(link)],
    ['rerouting', (link: HubLink) => reroute(link)],
  ])('that are given while the connection is %s are written when it stays', (_, leave) => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    link.handled(handOver(link));
    leave(link);
    t.channel.take();
    link.acknowledge(11);
    expect(t.channel.take()).toEqual([]);
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual([[11]]);
  });

  it('are not given any more after the end', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    link.handled(handOver(link));
    end(link);
    t.channel.take();
    link.acknowledge(11);
    expect(t.channel.take()).toEqual([]);
  });
});

describe('checkpoints', () => {
  it('go before the acknowledgements of the same turn', () => {
    const link = t.openLink();
    link.handled(handOver(link));
    link.send('result', false);
    link.checkpoint(ONE, true);
    link.checkpoint(undefined, false);
    expect(t.channel.take()).toEqual(['result', { context: ONE }, { migratable: false }, [11]]);
  });

  it('wait until the connection is accepted', () => {
    const link = t.newLink();
    link.checkpoint(ONE, true);
    expect(t.channel.take()).toEqual([]);
    link.accept('');
    expect(t.channel.take()).toEqual([{ accepted: true, protocol: '' }, { context: ONE }]);
  });

  it.each([
    ['migrating', (link: HubLink) => request(link)],
    ['rerouting', (link: HubLink) => reroute(link)],
  ])('that are made while the connection is %s are sent when it stays', (_, leave) => {
    const link = t.openLink();
    link.checkpoint(ONE, true);
    leave(link);
    link.send('late', false);
    link.checkpoint(ONE, false);
    link.checkpoint(TWO, true);
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual(['late', { context: TWO }]);
  });

  it('are not sent again when the connection stays, unless they changed', () => {
    const link = t.openLink();
    link.checkpoint(ONE, true);
    request(link);
    t.channel.take();
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual([]);
  });

  it('that are made when it stays replace those that waited', () => {
    const link = t.openLink();
    request(link);
    link.checkpoint(ONE, true);
    t.channel.take();
    t.owner.stays.mockImplementation(() => link.checkpoint(TWO, true));
    decide(link, 'rolledBack');
    expect(t.channel.take()).toEqual([{ context: TWO }]);
  });

  it.each<[string, (link: HubLink) => void]>([
    ['open', () => undefined],
    ['requested', (link) => [link.delivered(), request(link)]],
    ['ready', (link) => [t.owner.depart.mockImplementation(() => undefined), request(link)]],
    ['migrating', (link) => request(link)],
    ['rerouting', (link) => reroute(link)],
  ])('are sent again on each other service connection, when %s', (_, before) => {
    const link = t.openLink();
    link.handled(handOver(link));
    link.checkpoint(ONE, false);
    before(link);
    link.onLost(1006, '');
    t.rebind(link, 0);
    const checkpoint = { context: ONE, migratable: false };
    expect(t.next.take()).toEqual([{ accepted: true, received: 10 }, checkpoint, [11]]);
    t.next = new RecordingChannel();
    link.rebind(t.next, elsewhere(0, 'hub', 6));
    const [, again] = t.next.take() as [unknown, { context: Uint8Array }];
    expect(again).toEqual(checkpoint);
    expect(again.context).toBe(ONE);
  });

  it('that are made while the service connection is lost go first on the next one', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    link.handled(handOver(link));
    link.onLost(1006, '');
    link.checkpoint(ONE, true);
    link.checkpoint(TWO, true);
    link.acknowledge(11);
    t.rebind(link, 0);
    expect(t.next.take()).toEqual([{ accepted: true, received: 10 }, { context: TWO }, [11]]);
    expect(t.channel.take()).toEqual([]);
  });

  it.each([
    ['ended', (link: HubLink) => end(link)],
    ['was refused', (link: HubLink) => link.refuse(403, 'no')],
    ['moved', (link: HubLink) => [request(link), decide(link, 'committed')]],
  ])('are not kept once the connection has %s', (what, finish) => {
    const link = t.newLink();
    link.checkpoint(ONE, true);
    if (what !== 'was refused') link.accept('');
    finish(link);
    link.checkpoint(TWO, true);
    expect((link as unknown as { saved: unknown }).saved).toBeUndefined();
    t.channel.take();
    if (what === 'moved') link.releaseOn(t.next, elsewhere(0, 'other'));
    expect([...t.channel.take(), ...t.next.take()]).not.toContainEqual({ context: TWO });
  });

  it('wait with their acknowledgements for what was sent before and cannot leave yet', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    for (const result of ['1', '2', '3', '4', '5']) link.send(result, false);
    link.handled(handOver(link));
    link.checkpoint(ONE, true);
    link.acknowledge(11);
    link.send('6', false);
    expect(t.channel.take()).toEqual(['1', '2', '3']);
    link.onAck(1, []);
    expect(t.channel.take()).toEqual(['4']);
    link.onAck(2, []);
    expect(t.channel.take()).toEqual(['5', { context: ONE }, [11]]);
  });

  it('that wait are replaced, but for the first, which comes through', () => {
    t.owner.holdsAcks = true;
    const link = t.openLink();
    for (const result of ['1', '2', '3', '4']) link.send(result, false);
    for (const context of [ONE, TWO, Uint8Array.of(3)]) {
      link.handled(handOver(link));
      link.checkpoint(context, true);
      link.acknowledge(10 + context[0]!);
      link.send('more', false);
    }
    t.channel.take();
    link.onAck(1, []);
    expect(t.channel.take()).toEqual(['4', { context: ONE }, [11]]);
    link.onAck(4, []);
    const third = { context: Uint8Array.of(3) };
    expect(t.channel.take()).toEqual(['more', 'more', 'more', third, [13]]);
  });

  it('go with READY, behind all that was sent', () => {
    const link = t.openLink();
    for (const result of ['1', '2', '3', '4']) link.send(result, false);
    link.checkpoint(ONE, true);
    request(link);
    expect(t.channel.take()).toEqual(['1', '2', '3', '4', { context: ONE }, ready(10, 4)]);
  });

  it('come on another service connection behind what was sent before them', () => {
    const link = t.openLink();
    for (const result of ['1', '2', '3', '4']) link.send(result, false);
    link.checkpoint(ONE, true);
    request(link);
    link.onLost(1006, '');
    t.rebind(link, 0);
    const [, ...rest] = t.next.take();
    expect(rest).toEqual(['1', '2', '3', '4', { context: ONE }, [10]]);
  });

  it('do not wait any more for what was dropped', () => {
    const link = t.openLink();
    for (const result of ['1', '2', '3', '4']) link.send(result, false);
    link.checkpoint(ONE, true);
    t.channel.take();
    link.abort(1006, '');
    expect(t.channel.take()).toEqual([{ context: ONE }, { code: 1006, reason: '' }]);
  });

  it('are refused when no relay would take them', () => {
    const link = t.openLink();
    link.checkpoint(new Uint8Array(1_000_000), true);
    expect(() => link.checkpoint(new Uint8Array(1_000_001), true)).toThrow(
      'A context of 1000001 bytes is more than 1000000',
    );
    expect(t.channel.take()).toHaveLength(1);
  });
});
