import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import type { HubLinkOwner } from '../protocol/hub-link.js';
import { MessageType } from '../protocol/messages.js';
import type { ControlMessage, OpenConnection } from '../protocol/messages.js';
import type { Transport, TransportReceiver } from '../protocol/transport.js';
import { HubCore } from './hub-core.js';

/** The test is the relay. The end of the service connection is reported by {@link lose} only. */
class FakeTransport implements Transport {
  receiver: TransportReceiver | undefined;
  readonly sent: ControlMessage[] = [];
  data() {}
  ack() {}
  control(message: ControlMessage) {
    this.sent.push(message);
  }
  flush() {}
  close() {}

  establish() {
    this.say({ type: MessageType.HandshakeResponse, version: 1, relayId: 'relay' });
  }
  open(link: number, path = '/chat') {
    this.say({ ...OPEN, link, path });
  }
  say(message: ControlMessage) {
    this.receiver!.onControl(message);
  }
  lose() {
    this.receiver!.onClosed(1006, 'lost');
  }
  count(type: number) {
    return this.sent.filter((it) => it.type === type).length;
  }
}

const OPEN: OpenConnection = {
  type: MessageType.OpenConnection,
  link: 1,
  connectionId: 'c',
  epoch: 1,
  port: 0,
  path: '/chat',
  inbound: 0,
  request: {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    rawHeaders: [],
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    encrypted: false,
  },
};

function newCore() {
  const clock = new VirtualClock();
  const owner = {
    deliver: vi.fn<HubLinkOwner['deliver']>(),
    pongReceived: vi.fn<HubLinkOwner['pongReceived']>(),
    stays: vi.fn<HubLinkOwner['stays']>(),
    closed: vi.fn<HubLinkOwner['closed']>(),
  } satisfies HubLinkOwner;
  const core = new HubCore(
    {
      serverId: 'hub',
      serverName: 'hub',
      version: '1',
      keepAliveMs: 100_000,
      deadAfterMs: 200_000,
      handshakeTimeoutMs: 1000,
      retainedBytes: 1000,
      retainedMessages: 1000,
      finIntervalMs: 100,
    },
    {
      endpoints: [{ port: 0, path: '/chat' }],
      ackMode: () => 'handled',
      open: (_, bind) => bind(owner).accept(''),
    },
    clock,
  );
  const transport = () => {
    const made = new FakeTransport();
    core.attach(made);
    return made;
  };
  return { core, clock, owner, transport };
}

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
});
