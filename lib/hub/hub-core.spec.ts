import { describe, expect, it, vi } from 'vitest';
import { OPEN, newCore, reclaimed } from '../../test/support/hub-core-fixture.js';
import { MessageType } from '../protocol/messages.js';

describe('HubCore', () => {
  it('announces itself on every service connection', () => {
    const { transport } = newCore();
    expect(transport().sent).toMatchObject([
      { type: MessageType.HandshakeRequest, serverId: 'hub', endpoints: [{ path: '/chat' }] },
    ]);
  });

  it('ends every connection when it stops, though no service connection has reported its end', () => {
    const { core, owner, transport } = newCore();
    const relay = transport();
    relay.establish();
    relay.open(1);
    relay.open(2);
    core.setOffline(() => {});
    core.stop();
    expect(core.connections.size).toBe(0);
    expect(core.left.closed).toEqual({ 1006: 2 });
    relay.lose();
    expect(owner.closed).toHaveBeenCalledTimes(2);
    expect(core.sessions.size).toBe(0);
  });

  it('counts no connection that left before it was set offline', () => {
    const { core, transport } = newCore();
    const relay = transport();
    relay.establish();
    relay.open(1);
    relay.say({ type: MessageType.CloseConnection, link: 1, code: 1000, reason: '' });
    expect(core.left).toEqual({ migrated: 0, closed: {} });
  });

  it('tells those that listen of each connection that leaves, until they stop listening', () => {
    const { core, transport } = newCore();
    const relay = transport();
    relay.establish();
    for (const link of [1, 2, 3]) relay.open(link);
    const listener = vi.fn<() => void>();
    const unsubscribe = core.onLeave(listener);
    for (const link of [1, 2]) {
      relay.say({ type: MessageType.CloseConnection, link, code: 1000, reason: '' });
    }
    unsubscribe();
    relay.lose();
    expect(listener).toHaveBeenCalledTimes(2);
  });

  it('finds connections by endpoint', () => {
    const { core, transport } = newCore();
    const relay = transport();
    relay.establish();
    relay.open(1, '/chat');
    relay.open(2, '/other');
    expect(core.connectionsOf([{ port: 0, path: '/chat' }])).toHaveLength(1);
    expect(core.connectionsOf([{ port: 81, path: '/chat' }])).toEqual([]);
  });
});

describe('HubCore without a service connection', () => {
  it('reclaims its connections on another one to the relay, present or new', () => {
    const { core, owner, transport } = newCore();
    const [first, second] = [transport(), transport()];
    for (const relay of [first, second]) relay.establish();
    first.open(1);
    first.lose();
    expect(reclaimed(second)).toEqual([{ connectionId: 'c1', epoch: 1 }]);
    second.lose();
    const third = transport();
    third.establish();
    expect(reclaimed(third)).toEqual([{ connectionId: 'c1', epoch: 1 }]);
    expect(core.connections.size).toBe(1);
    expect(owner.closed).not.toHaveBeenCalled();
  });

  it('goes on where the relay binds them, and refuses those that it does not have', () => {
    const { core, owner, transport } = newCore();
    const [first, second] = [transport(), transport()];
    for (const relay of [first, second]) relay.establish();
    first.open(1);
    first.lose();
    const rebind = (link: number, connectionId: string, epoch: number) => {
      const type = MessageType.RebindConnection;
      second.say({ type, link, connectionId, epoch, received: 0 });
      return second.sent.findLast((it) => it.type === MessageType.RebindConnectionResponse);
    };
    expect(rebind(1, 'other', 2)).toMatchObject({ link: 1, accepted: false, received: 0 });
    expect(rebind(2, 'c1', 1)).toMatchObject({ link: 2, accepted: false });
    expect(rebind(3, 'c1', 2)).toMatchObject({ link: 3, accepted: true, received: 0 });
    second.say({ type: MessageType.CloseConnection, link: 3, code: 1000, reason: '' });
    expect(owner.closed.mock.calls).toEqual([[1000, '', undefined]]);
    expect(core.connections.size).toBe(0);
  });

  it('lets them go after a while', () => {
    const { core, clock, owner, transport } = newCore();
    const relay = transport();
    relay.establish();
    relay.open(1);
    relay.lose();
    clock.run(59_000);
    expect(core.connections.size).toBe(1);
    clock.run(2000);
    expect(owner.closed.mock.calls).toEqual([[1006, 'the relay is gone', undefined]]);
  });

  it('lets them go at once when it is set offline', () => {
    const { core, owner, transport } = newCore();
    const relay = transport();
    relay.establish();
    relay.open(1);
    core.setOffline(() => {});
    relay.lose();
    expect(owner.closed).toHaveBeenCalledTimes(1);
    expect(core.left.closed).toEqual({ 1006: 1 });
  });

  it('hears from the relay which of them are gone, and where to', () => {
    const { owner, transport } = newCore();
    const [first, second] = [transport(), transport()];
    for (const relay of [first, second]) relay.establish();
    for (const link of [1, 2, 3]) first.open(link);
    first.lose();
    second.say({
      type: MessageType.ConnectionsGone,
      connections: [
        { connectionId: 'c1', epoch: 1 },
        { connectionId: 'c2', epoch: 1, server: 'hub-2' },
        { connectionId: 'c3', epoch: 2 },
        { connectionId: 'unknown', epoch: 1 },
      ],
    });
    expect(owner.closed.mock.calls).toEqual([
      [1006, '', undefined],
      [1012, 'moved', { server: 'hub-2', reason: 'crash', attempt: 0 }],
    ]);
  });
});

describe('HubCore set offline', () => {
  it('is done at once without service connections', () => {
    const done = vi.fn<() => void>();
    newCore().core.setOffline(done);
    expect(done).toHaveBeenCalledTimes(1);
  });

  it('waits for the answers of all relays, or their end', () => {
    const { core, clock, transport } = newCore();
    const relays = [transport(), transport()];
    for (const relay of relays) relay.establish();
    const [first, second] = [vi.fn<() => void>(), vi.fn<() => void>()];
    core.setOffline(first);
    core.setOffline(second);
    relays[0]!.say({ type: MessageType.FinAck });
    clock.run(250);
    expect(relays.map((relay) => relay.count(MessageType.Fin))).toEqual([1, 3]);
    expect(first).not.toHaveBeenCalled();
    relays[1]!.lose();
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).toHaveBeenCalledTimes(1);
    const late = vi.fn<() => void>();
    core.setOffline(late);
    expect(late).toHaveBeenCalledTimes(1);
  });

  it('says FIN to a relay whose handshake ends only then', () => {
    const { core, clock, transport } = newCore();
    const relay = transport();
    const done = vi.fn<() => void>();
    core.setOffline(done);
    clock.run(50);
    expect(relay.count(MessageType.Fin)).toBe(0);
    relay.establish();
    expect(relay.count(MessageType.Fin)).toBe(1);
    expect(done).not.toHaveBeenCalled();
    relay.say({ type: MessageType.FinAck });
    expect(done).toHaveBeenCalledTimes(1);
  });

  it('leaves no timer when it stops', () => {
    const { core, clock, transport } = newCore();
    transport().establish();
    core.setOffline(() => {});
    core.stop();
    expect(clock.timers.size).toBe(0);
  });

  it('does not let go what has another epoch than the relay says', () => {
    const { core, owner, transport } = newCore();
    const [first, second] = [transport(), transport()];
    for (const relay of [first, second]) relay.establish();
    first.open(1);
    first.lose();
    const gone = (epoch: number) =>
      second.say({
        type: MessageType.ConnectionsGone,
        connections: [{ connectionId: 'c1', epoch, server: 'other' }],
      });
    gone(2);
    expect(core.connections.size).toBe(1);
    gone(1);
    const migration = { server: 'other', reason: 'crash', attempt: 0 };
    expect(owner.closed.mock.calls).toEqual([[1012, 'moved', migration]]);
  });

  it('refuses to open what the relay has opened anew meanwhile', () => {
    const { core, owner, transport } = newCore();
    const [slow, fast] = [transport(), transport()];
    for (const relay of [slow, fast]) relay.establish();
    fast.say({ ...OPEN, link: 1, epoch: 2 });
    slow.say({ ...OPEN, link: 1, epoch: 1 });
    expect(slow.sent.at(-1)).toMatchObject({ accepted: false, status: 409 });
    expect([core.connections.size, owner.closed.mock.calls.length]).toEqual([1, 0]);
    slow.say({ ...OPEN, link: 2, epoch: 3 });
    // The client was not let in before: a true end.
    expect(owner.closed.mock.calls).toEqual([[1006, '', undefined]]);
    const migration = { server: 'other', reason: 'crash', attempt: 3 };
    slow.say({ ...OPEN, link: 3, epoch: 4, migration });
    expect(owner.closed.mock.calls[1]).toEqual([1012, 'moved', { ...migration, server: 'hub' }]);
    expect(core.connections.size).toBe(1);
  });

  it('has a relay that connects late drain as well, and waits for it before it lets go', () => {
    const { core, clock, owner, transport } = newCore();
    const first = transport();
    first.establish();
    first.open(1);
    const late = transport();
    core.setOffline(() => {});
    core.drain([{ port: 0, path: '/chat' }], 1000);
    first.lose();
    expect(owner.closed).not.toHaveBeenCalled();
    clock.run(300);
    late.establish();
    expect(late.sent.at(-2)).toMatchObject({ type: MessageType.Drain, deadlineMs: 700 });
    expect(reclaimed(late)).toEqual([{ connectionId: 'c1', epoch: 1 }]);
    late.lose();
    expect(owner.closed.mock.calls).toEqual([[1006, 'the relay is gone', undefined]]);
  });

  it('reclaims and opens nothing when it stops', () => {
    const { core, transport } = newCore();
    const [first, second] = [transport(), transport()];
    for (const relay of [first, second]) relay.establish();
    first.open(1);
    first.close = () => first.lose();
    core.stop();
    expect(reclaimed(second)).toEqual([]);
    second.open(2);
    expect(core.connections.size).toBe(0);
  });
});
