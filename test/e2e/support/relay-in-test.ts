import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Taker } from '../../../lib/protocol/server-stream.js';
import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage, Payload } from '../../../lib/protocol/messages.js';
import type { Transport, TransportReceiver } from '../../../lib/protocol/transport.js';
import type { ClientConnection, ClientSocket } from '../../../lib/relay/client-connection.js';
import { leastConnections } from '../../../lib/relay/least-connections.js';
import { RelayCore } from '../../../lib/relay/relay-core.js';
import type { RelayCoreOptions } from '../../../lib/relay/relay-core.js';
import { systemClock, systemRandom } from '../../../lib/transport/system-clock.js';
import { WebSocketTransport } from '../../../lib/transport/web-socket-transport.js';
import { WsBatchSocket } from '../../support/ws-batch-socket.js';

const names = new Map(Object.entries(MessageType).map(([name, type]) => [type, name]));

/** One message on a service connection, or its end. */
export interface Traffic {
  direction: 'from hub' | 'to hub' | 'ended';
  serverId: string;
  /** The path on which the service connection came, without the slash. */
  ingress: string;
  name: string;
  message?: ControlMessage;
}

/** How often a message arrives: once, never, or twice. */
type Copies = 0 | 1 | 2;
/** May change how often a message arrives, and cut its service connection. */
export type Interference = (traffic: Traffic, cut: () => void) => Copies;

interface RelayInTestOptions {
  /** How many FINACKs of each service connection get lost. */
  lost?: number;
  interfere?: Interference;
  /** Options of the core that differ from the usual ones. */
  core?: Partial<RelayCoreOptions>;
}

/** Sees the control messages of a service connection and decides how often they arrive. */
class Tap implements Transport {
  constructor(
    private readonly inner: Transport,
    private readonly copies: (direction: 'from hub' | 'to hub', message: ControlMessage) => Copies,
    private readonly ended: (code: number) => void,
  ) {}

  set receiver(receiver: TransportReceiver) {
    this.inner.receiver = {
      onBatch: () => receiver.onBatch(),
      onData: (...args) => receiver.onData(...args),
      onAck: (...args) => receiver.onAck(...args),
      onControl: (message) => {
        const copies = this.copies('from hub', message);
        for (let i = 0; i < copies; i++) receiver.onControl(message);
      },
      onFault: (error) => receiver.onFault(error),
      onClosed: (code, reason) => {
        this.ended(code);
        receiver.onClosed(code, reason);
      },
    };
  }

  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    this.inner.data(link, data, binary, prompt);
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.inner.ack(link, count, ranges);
  }

  control(message: ControlMessage): void {
    const copies = this.copies('to hub', message);
    for (let i = 0; i < copies; i++) this.inner.control(message);
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

  send(data: Payload, _binary: boolean, taker: Taker): void {
    this.received.push(data.toString());
    taker.onTaken(1);
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

/**
 * The relay's core in the test's own process: it sees every message and can lose them. Service
 * connections come through the ingress that their path names.
 */
export class RelayInTest {
  readonly traffic: Traffic[] = [];
  readonly core: RelayCore;
  private port = 0;

  private constructor(private readonly options: RelayInTestOptions) {
    const usual: RelayCoreOptions = {
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
      migrationRequestMs: 30_000,
      contextTotalBytes: 1 << 20,
      route: leastConnections,
    };
    this.core = new RelayCore({ ...usual, ...options.core }, systemClock, systemRandom);
  }

  static async start(options: RelayInTestOptions): Promise<RelayInTest> {
    const relay = new RelayInTest(options);
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    });
    server.on('connection', (socket, { url = '/' }) => relay.attach(socket, url.slice(1)));
    await once(server, 'listening');
    relay.port = (server.address() as AddressInfo).port;
    return relay;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  connect(path: string, client = new SocketlessClient()): SocketlessClient {
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

  private attach(socket: WebSocket, ingress: string): void {
    const { interfere } = this.options;
    let { lost = 0 } = this.options;
    let serverId = '';
    const copies = (direction: Traffic['direction'], message: ControlMessage): Copies => {
      if (message.type === MessageType.HandshakeRequest) serverId = message.serverId;
      const isLost = message.type === MessageType.FinAck && lost-- > 0;
      const name = `${isLost ? 'lost ' : ''}${names.get(message.type)}`;
      const traffic: Traffic = { direction, serverId, ingress, name, message };
      this.traffic.push(traffic);
      if (isLost) return 0;
      return interfere?.(traffic, () => socket.terminate()) ?? 1;
    };
    const ended = (code: number) =>
      this.traffic.push({ direction: 'ended', serverId, ingress, name: `ended ${code}` });
    this.core.attach(new Tap(new WebSocketTransport(new WsBatchSocket(socket)), copies, ended), {
      ingress,
    });
  }
}
