import { vi } from 'vitest';
import { HubCore } from '../../lib/hub/hub-core.js';
import type { HubObserver } from '../../lib/hub/hub-core.js';
import type { HubLinkOwner } from '../../lib/protocol/hub-link-owner.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage, OpenConnection } from '../../lib/protocol/messages.js';
import type { Transport, TransportReceiver } from '../../lib/protocol/transport.js';
import { VirtualClock } from '../simulation/virtual-clock.js';

/** The test is the relay. The end of the service connection is reported by {@link lose} only. */
export class FakeTransport implements Transport {
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
    this.say({ ...OPEN, link, path, connectionId: `c${link}` });
  }
  say(message: ControlMessage) {
    this.receiver!.onBatch();
    this.receiver!.onControl(message);
  }
  lose() {
    this.receiver!.onClosed(1006, 'lost');
  }
  count(type: number) {
    return this.sent.filter((it) => it.type === type).length;
  }
}

export const OPEN: OpenConnection = {
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

/** What the hub server asked the relay to bind to this service connection. */
export const reclaimed = (relay: FakeTransport) =>
  relay.sent.flatMap((it) => (it.type === MessageType.ReclaimConnections ? it.connections : []));

/** A hub server without sockets; `transport` gives it a service connection. */
export function newCore(observer?: HubObserver) {
  const clock = new VirtualClock();
  const owner = {
    holdsAcks: false,
    waitsFor: 'handlers',
    wantsFlow: false,
    messageHandled: vi.fn<HubLinkOwner['messageHandled']>(),
    moveRequested: vi.fn<HubLinkOwner['moveRequested']>(),
    depart: vi.fn<HubLinkOwner['depart']>((_, done) => done({})),
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
      startedAt: 1_700_000_000_000,
      keepAliveMs: 100_000,
      deadAfterMs: 200_000,
      handshakeTimeoutMs: 1000,
      retainedBytes: 1000,
      retainedMessages: 1000,
      finIntervalMs: 100,
      orphanMs: 60_000,
    },
    {
      endpoints: [{ port: 0, path: '/chat' }],
      ackMode: () => 'handled',
      open: (_, bind) => bind(owner).accept(''),
    },
    clock,
    observer,
  );
  const transport = () => {
    const made = new FakeTransport();
    core.attach(made);
    return made;
  };
  return { core, clock, owner, transport };
}
