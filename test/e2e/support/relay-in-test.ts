import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage, Payload } from '../../../lib/protocol/messages.js';
import type { Transport, TransportReceiver } from '../../../lib/protocol/transport.js';
import type { ClientConnection, ClientSocket } from '../../../lib/relay/client-connection.js';
import { leastConnections } from '../../../lib/relay/least-connections.js';
import { RelayCore } from '../../../lib/relay/relay-core.js';
import { systemClock, systemRandom } from '../../../lib/transport/system-clock.js';
import { WebSocketTransport } from '../../../lib/transport/web-socket-transport.js';

const names = new Map(Object.entries(MessageType).map(([name, type]) => [type, name]));

/** One message on a service connection, or its end. */
export interface Traffic {
  direction: 'from hub' | 'to hub' | 'ended';
  serverId: string;
  name: string;
  message?: ControlMessage;
}

/** Sees the control messages of a service connection and may swallow those to the hub server. */
class Tap implements Transport {
  constructor(
    private readonly inner: Transport,
    private readonly pass: (direction: 'from hub' | 'to hub', message: ControlMessage) => boolean,
    private readonly ended: (code: number) => void,
  ) {}

  set receiver(receiver: TransportReceiver) {
    this.inner.receiver = {
      onData: (...args) => receiver.onData(...args),
      onAck: (...args) => receiver.onAck(...args),
      onControl: (message) => {
        this.pass('from hub', message);
        receiver.onControl(message);
      },
      onFault: (error) => receiver.onFault(error),
      onClosed: (code, reason) => {
        this.ended(code);
        receiver.onClosed(code, reason);
      },
    };
  }

  data(link: number, data: Payload, binary: boolean): void {
    this.inner.data(link, data, binary);
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.inner.ack(link, count, ranges);
  }

  control(message: ControlMessage): void {
    if (this.pass('to hub', message)) this.inner.control(message);
  }

  flush(): void {
    this.inner.flush();
  }

  close(...args: Parameters<Transport['close']>): void {
    this.inner.close(...args);
  }
}

/** A client of the relay in this process, without a socket. */
export class SocketlessClient implements ClientSocket {
  readonly received: string[] = [];
  closed: { code: number; reason: string } | undefined;
  accepted = false;
  connection!: ClientConnection;

  emit(event: string, data: unknown): void {
    this.connection.message(JSON.stringify({ event, data }), false);
  }

  accept(): void {
    this.accepted = true;
  }

  refuse(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  send(data: Payload, _binary: boolean, taken: () => void): void {
    this.received.push(data.toString());
    taken();
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
    this.connection.closed(code, reason);
  }

  ping(): void {}
  pong(): void {}
  pause(): void {}
  resume(): void {}
}

/** The relay's core in the test's own process: it sees every message and can lose FINACKs. */
export class RelayInTest {
  readonly traffic: Traffic[] = [];
  private readonly core = new RelayCore(
    {
      retainedBytes: 1 << 20,
      retainedMessages: 1000,
      retainedTotalBytes: 1 << 28,
      stepMs: 5000,
      holdUpgradeMs: 5000,
      handshakeTimeoutMs: 5000,
      hubReconnectGraceMs: 0,
      ingresses: [],
      lastIngress: 'refuse',
      migrationsPerSecond: 500,
      route: leastConnections,
    },
    systemClock,
    systemRandom,
  );
  private port = 0;

  /** @param lost how many FINACKs of each service connection get lost */
  private constructor(private readonly lost: number) {}

  static async start({ lost }: { lost: number }): Promise<RelayInTest> {
    const relay = new RelayInTest(lost);
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    });
    server.on('connection', (socket) => relay.attach(new WebSocketTransport(socket)));
    await once(server, 'listening');
    relay.port = (server.address() as AddressInfo).port;
    return relay;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  connect(path: string): SocketlessClient {
    const client = new SocketlessClient();
    const request = {
      method: 'GET',
      url: path,
      httpVersion: '1.1',
      rawHeaders: [],
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      encrypted: false,
    };
    this.core.announce([{ port: 0, path }]);
    client.connection = this.core.connect({ port: 0, path }, request, client);
    return client;
  }

  /** Names of what was exchanged with a hub server, in order. */
  namesOf(serverId: string, direction?: Traffic['direction']): string[] {
    return this.traffic
      .filter((it) => it.serverId === serverId && (!direction || it.direction === direction))
      .map(({ name }) => name);
  }

  serviceConnectionsOf(serverId: string): number {
    const servers = this.core.stats().servers;
    return servers.find((server) => server.serverId === serverId)?.serviceConnections ?? 0;
  }

  private attach(transport: Transport): void {
    let { lost } = this;
    let serverId = '';
    this.core.attach(
      new Tap(
        transport,
        (direction, message) => {
          if (message.type === MessageType.HandshakeRequest) serverId = message.serverId;
          const isLost = message.type === MessageType.FinAck && lost-- > 0;
          const name = `${isLost ? 'lost ' : ''}${names.get(message.type)}`;
          this.traffic.push({ direction, serverId, name, message });
          return !isLost;
        },
        (code) => this.traffic.push({ direction: 'ended', serverId, name: `ended ${code}` }),
      ),
    );
  }
}
