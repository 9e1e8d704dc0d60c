import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { resolveOptions } from '../../lib/options/index.js';
import type { MigrationOptions } from '../../lib/options/index.js';
import { HubSession } from '../../lib/protocol/hub-session.js';
import { InProcessTransport } from '../../lib/protocol/in-process-transport.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type {
  Endpoint,
  LinkMessage,
  OpenConnection,
  Payload,
} from '../../lib/protocol/messages.js';
import type { Transport } from '../../lib/protocol/transport.js';
import { RelayServer } from '../../lib/relay/relay-server.js';
import { systemClock } from '../../lib/transport/system-clock.js';

export { until } from './until.js';

/** A link as a hub server under the test's control sees it. */
export class TestLink {
  readonly messages: { data: Buffer | string; binary: boolean }[] = [];
  readonly pongs: string[] = [];
  closed: { code: number; reason: string } | undefined;
  lost = false;

  constructor(
    private readonly session: HubSession,
    readonly opened: OpenConnection,
  ) {}

  accept(protocol?: string): void {
    this.respond({ accepted: true, ...(protocol !== undefined && { protocol }) });
  }

  refuse(status: number, reason: string, headers?: string[]): void {
    this.respond({ accepted: false, status, reason, ...(headers && { headers }) });
  }

  send(data: Payload, binary = false): void {
    this.session.sendData(this.opened.link, data, binary);
  }

  ping(data: string): void {
    const { link } = this.opened;
    this.session.sendControl({ type: MessageType.ClientPing, link, data: Buffer.from(data) });
  }

  close(code: number, reason: string): void {
    const { link } = this.opened;
    this.session.sendControl({ type: MessageType.CloseConnection, link, code, reason });
  }

  onData(data: Payload, binary: boolean): void {
    this.messages.push({ data, binary });
    const { link } = this.opened;
    const count = this.messages.length;
    this.session.scheduleAck({ writeAck: () => this.session.sendAck(link, count, []) });
  }

  onAck(): void {}

  onMessage(message: LinkMessage): void {
    if (message.type === MessageType.CloseConnection) {
      this.closed = { code: message.code, reason: message.reason };
      const { link } = this.opened;
      this.session.sendControl({ type: MessageType.ConnectionClosed, link });
    }
    if (message.type === MessageType.ClientPong) {
      this.pongs.push(Buffer.from(message.data).toString());
    }
  }

  onLost(): void {
    this.lost = true;
  }

  private respond(answer: object) {
    const { link } = this.opened;
    this.session.sendControl({
      type: MessageType.OpenConnectionResponse,
      link,
      accepted: true,
      ...answer,
    });
  }
}

/** A hub server under the test's control. By default it accepts every client. */
export class TestHub {
  readonly links: TestLink[] = [];
  readonly session: HubSession;
  established = false;
  ended: { code: number; reason: string } | undefined;
  onOpen: (link: TestLink) => void = (link) => link.accept();

  constructor(transport: Transport, endpoints: Endpoint[], serverId = 'hub-1') {
    const times = { keepAliveMs: 5000, deadAfterMs: 30_000, handshakeTimeoutMs: 5000 };
    const hello = { serverId, serverName: serverId, appVersion: '1', endpoints, ...times };
    this.session = new HubSession(transport, systemClock, times, hello, {
      established: () => {
        this.established = true;
      },
      finAcknowledged: () => {},
      openLink: (session, message) => {
        const link = new TestLink(session, message);
        this.links.push(link);
        session.bind(message.link, link);
        this.onOpen(link);
      },
      ended: (_, code, reason) => {
        this.ended = { code, reason };
      },
      rebindLink: () => undefined,
      moveLink: () => undefined,
      connectionsGone: () => undefined,
      migrationAnswered: () => undefined,
      fault: (_, error) => {
        throw error;
      },
    });
  }
}

/** A relay on a random loopback port. */
export class TestRelay {
  readonly lines: string[] = [];
  readonly httpServer: Server = createServer((_request, response) => void response.end('app\n'));
  readonly relay: RelayServer;

  constructor(options: MigrationOptions = {}, requireSecureService = false) {
    const relay = { closeTimeoutMs: 300, ...options.relay };
    const resolved = resolveOptions({ ...options, relay });
    const write = (level: string) => (message: string) =>
      void this.lines.push(`${level}: ${message}`);
    this.relay = new RelayServer({
      options: resolved.relay,
      security: resolved.security,
      httpServer: this.httpServer,
      requireSecureService,
      log: { log: write('log'), warn: write('warn'), error: write('error') },
    });
  }

  static async start(options?: MigrationOptions): Promise<TestRelay> {
    const started = new TestRelay(options);
    await started.relay.start();
    await started.listen('127.0.0.1');
    return started;
  }

  get port(): number {
    return (this.httpServer.address() as AddressInfo).port;
  }

  listen(host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.httpServer.once('error', reject);
      this.httpServer.listen(0, host, resolve);
    });
  }

  /** Connects a hub server within this process. */
  hub(endpoints: Endpoint[] = [{ port: 0, path: '/chat' }], serverId?: string): TestHub {
    const [relayEnd, hubEnd] = InProcessTransport.pair();
    this.relay.core.attach(relayEnd);
    return new TestHub(hubEnd, endpoints, serverId);
  }

  client(path = '/chat', options: ClientOptions = {}, protocols: string[] = []): TestClient {
    return new TestClient(`ws://127.0.0.1:${this.port}${path}`, options, protocols);
  }

  /** A TCP connection on which `text` has been written. */
  raw(text: string | Buffer): RawConnection {
    return new RawConnection(this.port, text);
  }

  async stop(): Promise<void> {
    await this.relay.stop();
    this.httpServer.closeAllConnections();
    await new Promise((resolve) => this.httpServer.close(resolve));
  }
}

/** A WebSocket that remembers what happened to it. */
export class TestClient {
  readonly ws: WebSocket;
  readonly messages: { data: Buffer; binary: boolean }[] = [];
  readonly pings: string[] = [];
  closed: { code: number; reason: string } | undefined;
  refusedWith:
    { status: number; body: string; headers: NodeJS.Dict<string | string[]> } | undefined;

  constructor(url: string, options: ClientOptions = {}, protocols: string[] = []) {
    this.ws = new WebSocket(url, protocols, options);
    this.ws.on('message', (data, binary) => this.messages.push({ data: data as Buffer, binary }));
    this.ws.on('ping', (data) => this.pings.push(data.toString()));
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.ws.on('error', () => {});
    this.ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => (body += String(chunk)));
      response.on('end', () => {
        this.refusedWith = { status: response.statusCode!, body, headers: response.headers };
        this.ws.terminate();
      });
    });
  }

  get open(): boolean {
    return this.ws.readyState === WebSocket.OPEN;
  }
}

/** A bare TCP connection. */
export class RawConnection {
  readonly socket: Socket;
  received = '';
  ended = false;

  constructor(port: number, text: string | Buffer) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    this.socket.on('end', () => {
      this.ended = true;
    });
    this.socket.on('close', () => {
      this.ended = true;
    });
    this.socket.on('error', () => {});
    this.socket.write(text);
  }
}

/** The head of an upgrade request. */
export function upgradeRequest(
  path: string,
  headers: Record<string, string | undefined> = {},
  method = 'GET',
): string {
  const all: Record<string, string | undefined> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}
