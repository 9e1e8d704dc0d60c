import { beforeEach, describe, expect, it } from 'vitest';
import { RelayLinkFixture, data, outcomes } from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

describe('a migration', () => {
  it('moves the connection: old messages first, held ones to the new server', () => {
    t.say('1');
    expect(t.migrate()).toBe(true);
    expect(t.migrate()).toBe(false);
    t.say('2');
    expect(t.a.take()).toEqual([{ data: '1' }, expect.objectContaining({ attempt: 1 })]);
    t.a.ready(1);
    expect(t.b.take()).toEqual([expect.objectContaining({ inbound: 1, epoch: 2 })]);
    t.b.accept();
    expect(t.b.take()).toEqual(data('2'));
    expect(outcomes(t.a)).toEqual([['committed', 'shutdown']]);
    t.b.says('new');
    t.a.says('old');
    expect(t.heard()).toEqual(['old']);
    expect([t.link.moving, t.owner.settled.mock.calls.length]).toEqual([true, 0]);
    t.a.released(1);
    expect(t.heard()).toEqual(['old', 'new']);
    expect([t.link.moving, t.owner.settled.mock.calls.length]).toEqual([false, 1]);
    expect([t.link.serverId, t.migrations(), t.clock.timers.size]).toEqual([
      'b',
      [['moved', 'shutdown', 'b']],
      0,
    ]);
  });

  it('sends what the origin did not hand to its handlers to the target', () => {
    for (const text of ['1', '2', '3']) t.say(text);
    t.migrate();
    t.a.ready(1, 1, 0, 3);
    t.b.accept();
    expect(t.b.take().slice(1)).toEqual(data('2', '3'));
  });

  it('goes to the next server when one refuses, dies, or does not answer', () => {
    t.migrate();
    t.a.ready();
    t.b.refuse();
    expect(t.c.take()).toEqual([expect.objectContaining({ epoch: 3 })]);
    t.c.lose();
    expect(outcomes(t.a)).toEqual([['rolledBack', 'targetLost']]);
    t.say('x');
    expect(t.a.take()).toEqual(data('x'));
    expect(t.migrations()).toEqual([['failed', 'targetLost', undefined]]);
  });

  it('gives a silent target the limit of a step, and tells it that the connection went back', () => {
    t.candidates = [t.b];
    t.migrate();
    t.a.ready();
    t.b.take();
    t.clock.run(99);
    expect(t.b.take()).toEqual([]);
    t.clock.run(1);
    expect(t.b.take()).toEqual([
      expect.objectContaining({
        type: MessageType.CloseConnection,
        migration: { server: 'a', reason: 'rolledBack', attempt: 1 },
      }),
    ]);
    expect([outcomes(t.a), t.clock.timers.size]).toEqual([[['rolledBack', 'targetTimeout']], 0]);
  });

  it.each([
    ['handlerRunning', () => undefined],
    ['deadline', () => t.a.ready()],
  ])('ends at its deadline: %s', (reason, before) => {
    t.link.migrate({ reason: 'shutdown', deadline: t.clock.now() + 50 });
    before();
    t.clock.run(50);
    expect(outcomes(t.a)).toEqual([['rolledBack', reason]]);
    expect([t.link.serverId, t.link.moving, t.clock.timers.size]).toEqual(['a', false, 0]);
  });

  it('says what it waited for when its deadline came', () => {
    t.link.migrate({ reason: 'shutdown', deadline: t.clock.now() + 50 });
    t.a.progress('waiting', { waitsFor: 'hold: checkout' });
    t.clock.run(50);
    expect(t.a.take().at(-1)).toMatchObject({ outcome: 'rolledBack', detail: 'hold: checkout' });
  });

  it('ignores late answers of an old attempt', () => {
    t.link.migrate({ reason: 'shutdown', deadline: t.clock.now() + 50 });
    t.clock.run(50);
    t.a.ready(0, 1);
    expect(t.link.migrate({ reason: 'shutdown', deadline: t.clock.now() + 500 })).toBe(true);
    t.a.ready(0, 1);
    expect(t.b.take()).toEqual([]);
    t.a.ready(0, 2);
    expect(t.b.take()).toHaveLength(1);
    expect(() => t.a.ready(0, 2)).toThrow('a second time');
  });

  it.each([
    ['open', () => undefined],
    ['requested', () => t.migrate()],
    ['ready', () => [t.migrate(), t.a.ready()]],
  ])('ends with the client while %s: a true end at the origin', (_, before) => {
    before();
    t.say('last');
    t.link.clientClosed(1001, 'gone');
    const sent = t.a.take().filter(({ type }) => type !== MessageType.MigrateConnectionRequest);
    expect(sent.at(-1)).toMatchObject({ code: 1001, reason: 'gone' });
    expect(sent.at(-1)).not.toHaveProperty('migration');
    expect(sent).toContainEqual({ data: 'last' });
    expect(t.owner.ended).not.toHaveBeenCalled();
    t.a.closed();
    expect([t.owner.ended.mock.calls.length, t.budget.used, t.clock.timers.size]).toEqual([
      1, 0, 0,
    ]);
    for (const message of t.b.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
  });

  it('ends with the client after the commit: a true end at the target', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.link.clientClosed(1001, 'gone');
    expect(t.b.take().at(-1)).toMatchObject({ code: 1001 });
    t.b.closed();
    // The origin may still ask what became of the connection.
    expect(t.owner.ended).not.toHaveBeenCalled();
    t.a.says('late');
    t.a.released(1);
    expect(t.heard()).toEqual([]);
    expect([t.owner.ended.mock.calls.length, t.clock.timers.size]).toEqual([1, 0]);
  });

  it.each([
    ['requested', () => undefined],
    ['ready', () => t.a.ready()],
  ])('is called off when the origin loses its service connection while %s', (_, before) => {
    t.migrate();
    t.say('held');
    before();
    t.a.take();
    t.a.lose();
    for (const message of t.b.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
    expect([t.migrations(), t.owner.detached.mock.calls]).toEqual([
      [['failed', 'originLost', undefined]],
      [['a']],
    ]);
    t.rebind();
    t.a.rebound(0);
    expect([t.a.take(), t.link.moving, t.clock.timers.size]).toEqual([data('held'), false, 0]);
  });

  it('drops a target that says it lost its service connection, though it may have accepted', () => {
    t.migrate();
    t.a.ready();
    expect(t.link.reclaim(t.b, 2)).toBe(false);
    t.b.accept();
    expect([t.b.losses, t.c.take()]).toEqual([1, [expect.objectContaining({ epoch: 3 })]]);
    t.c.accept();
    expect(t.link.serverId).toBe('c');
  });

  it('lets the new server through when the old one dies or says nothing', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.b.says('new');
    t.clock.run(100);
    expect([t.heard(), t.clock.timers.size]).toEqual([['new'], 0]);
  });

  it('closes the client when the application closed it at the origin meanwhile', () => {
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.a.released(0, { code: 4000, reason: 'bye' });
    expect(t.owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
  });

  it('finds what a hub server must not do', () => {
    t.say('1');
    t.migrate();
    expect(() => t.a.ready(2)).toThrow('ready with 2 messages received and 2 handled of 1');
    expect(() => t.a.ready(0, 1, 5)).toThrow('5 messages sent, 0 received');
    t.a.ready(1);
    expect(() => t.b.says('x')).toThrow('before OpenConnectionResponse');
    expect(() => t.a.end!.onAck(9, [])).toThrow('message 9 acknowledged, 1 sent');
  });
});
