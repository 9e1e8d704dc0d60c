import { ServiceCloseCode } from '../../lib/protocol/errors.js';
import { InProcessTransport } from '../../lib/protocol/in-process-transport.js';
import { MessageType, PROTOCOL_VERSION } from '../../lib/protocol/messages.js';
import type {
  ClientRequest,
  ControlMessage,
  Endpoint,
  LinkMessage,
  MigrationAnswer,
  MigrationCommand,
} from '../../lib/protocol/messages.js';
import type { Taker } from '../../lib/protocol/server-stream.js';
import type { ClientConnection, ClientSocket } from '../../lib/relay/client-connection.js';
import { leastConnections } from '../../lib/relay/least-connections.js';
import type { MigrationEvent } from '../../lib/relay/migration-events.js';
import { RelayCore } from '../../lib/relay/relay-core.js';
import type { RelayCoreOptions } from '../../lib/relay/relay-core.js';
import { SeededRandom } from '../simulation/random.js';
import { VirtualClock } from '../simulation/virtual-clock.js';

const ENDPOINT = { port: 0, path: '/chat' };
const REQUEST: ClientRequest = {
  method: 'GET',
  url: '/chat',
  httpVersion: '1.1',
  rawHeaders: [],
  remoteAddress: '192.0.2.7',
  remotePort: 5000,
  encrypted: false,
};

/** A relay whose hub servers say only what the test has them say, on a clock that it runs. */
export class PlayedRelay {
  readonly clock = new VirtualClock();
  readonly core: RelayCore;
  readonly faults: unknown[] = [];
  readonly events: MigrationEvent[] = [];

  constructor(options: Partial<RelayCoreOptions> = {}) {
    this.core = new RelayCore(
      {
        retainedBytes: 10_000,
        retainedMessages: 1000,
        retainedTotalBytes: 1_000_000,
        stepMs: 100,
        holdUpgradeMs: 1000,
        handshakeTimeoutMs: 10_000_000,
        hubReconnectGraceMs: 0,
        ingresses: [],
        lastIngress: 'refuse',
        migrationsPerSecond: 10_000,
        migrationRequestMs: 1000,
        contextTotalBytes: 1000,
        route: leastConnections,
        ...options,
      },
      this.clock,
      new SeededRandom(1),
      { fault: (error) => this.faults.push(error) },
    );
  }

  /** Remembers the events from now on. @returns ends that */
  listen(): () => void {
    return this.core.migrationEvents.listen({
      next: (event) => this.events.push(event),
      complete: () => undefined,
    });
  }

  hub(serverId: string, hello: { version?: string; startedAt?: number } & Partial<Endpoint> = {}) {
    const { version = '1', startedAt, ...endpoint } = hello;
    const hub = new PlayedHub(this, serverId);
    hub.say({
      type: MessageType.HandshakeRequest,
      version: PROTOCOL_VERSION,
      serverId,
      serverName: `name of ${serverId}`,
      appVersion: version,
      endpoints: [{ ...ENDPOINT, ...endpoint }],
      keepAliveMs: 3_000_000,
      deadAfterMs: 3_600_000,
      ...(startedAt !== undefined && { startedAt }),
    });
    return hub;
  }

  /** A client, accepted by the hub server that gets it. */
  client(hub?: PlayedHub): ClientConnection {
    const socket = new PlayedSocket();
    const connection = this.core.connect(ENDPOINT, REQUEST, socket);
    socket.connection = connection;
    this.run();
    hub?.accept();
    hub?.take();
    return connection;
  }

  /** Lets time pass; without it, what is on its way arrives. */
  run(ms = 0): void {
    this.clock.after(ms, () => undefined);
    this.clock.run(ms);
  }

  /** States and reasons of the events so far. */
  told(): unknown[] {
    return this.events.splice(0).map(({ state, attempt, reason }) => [state, attempt, reason]);
  }
}

type Sent = ControlMessage | { type: 'data'; link: number; data: string };
type Fields<Message> = Message extends unknown ? Omit<Message, 'link'> & { link?: number } : never;

/** A hub server with one service connection. */
export class PlayedHub {
  private readonly sent: Sent[] = [];
  private readonly transport: InProcessTransport;
  /** The link that was given out last. */
  private link = 0;

  constructor(
    private readonly relay: PlayedRelay,
    readonly serverId: string,
  ) {
    const [atRelay, atHub] = InProcessTransport.pair();
    this.transport = atHub;
    atHub.receiver = {
      onBatch: () => undefined,
      onFault: (error) => relay.faults.push(error),
      onClosed: () => undefined,
      onData: (link, data) => this.sent.push({ type: 'data', link, data: String(data) }),
      onAck: () => undefined,
      onControl: (message) => {
        if (message.type === MessageType.OpenConnection) this.link = message.link;
        if (message.type === MessageType.RebindConnection) this.link = message.link;
        if (message.type === MessageType.MigrateConnectionAck) this.link = message.link;
        if (message.type !== MessageType.HandshakeResponse) this.sent.push(message);
      },
    };
    relay.core.attach(atRelay);
  }

  /** What the relay sent since this was last asked. */
  take(): Sent[] {
    return this.sent.splice(0);
  }

  /** The types of what the relay sent since this was last asked. */
  types(): unknown[] {
    return this.take().map(({ type }) => type);
  }

  /** Sends messages, on the latest link. */
  say(...messages: (Fields<LinkMessage> | Exclude<ControlMessage, LinkMessage>)[]): void {
    for (const message of messages) {
      this.transport.control({ link: this.link, ...message } as ControlMessage);
    }
    this.transport.flush();
    this.relay.run();
  }

  accept(): void {
    this.say({ type: MessageType.OpenConnectionResponse, accepted: true });
  }

  refuse(reason = 'no'): void {
    this.say({ type: MessageType.OpenConnectionResponse, accepted: false, reason });
  }

  ready(attempt = 1, more: object = {}): void {
    this.answer(attempt, true, more);
  }

  notReady(attempt = 1, reason?: string): void {
    this.answer(attempt, false, reason === undefined ? {} : { reason });
  }

  progress(state: 'waiting' | 'ready', waitsFor?: string, attempt = 1): void {
    this.say({
      type: MessageType.MigrateConnectionProgress,
      attempt,
      state,
      ...(waitsFor !== undefined && { waitsFor }),
    });
  }

  released(attempt = 1): void {
    this.say({ type: MessageType.ConnectionReleased, attempt, sent: 0 });
  }

  checkpoint(fields: { context?: Uint8Array; migratable?: boolean } = {}): void {
    this.say({ type: MessageType.Checkpoint, ...fields });
  }

  drain(deadlineMs: number): void {
    this.say({ type: MessageType.Drain, deadlineMs, endpoints: [ENDPOINT] });
  }

  /** @returns the answer */
  command(fields: Omit<MigrationCommand, 'type' | 'request'>): MigrationAnswer {
    this.take();
    this.say({ type: MessageType.MigrationCommand, request: 7, ...fields });
    return this.take().find(
      (it): it is MigrationAnswer => it.type === MessageType.MigrationAnswer,
    )!;
  }

  lose(): void {
    this.transport.close(ServiceCloseCode.Silent, 'cut');
    this.relay.run();
  }

  private answer(attempt: number, ready: boolean, more: object) {
    const counts = { handled: 0, received: 0, sent: 0 };
    const type = MessageType.MigrateConnectionResponse;
    this.say({ type, attempt, ready, ...counts, ...more });
  }
}

/** A client's socket that goes when it is asked to. */
class PlayedSocket implements ClientSocket {
  connection!: ClientConnection;

  accept(): void {}
  refuse(): void {}
  send(_data: unknown, _binary: boolean, taker: Taker): void {
    taker.onTaken(1);
  }
  ping(): void {}
  pong(): void {}
  close(code: number, reason: string): void {
    this.connection.closed(code, reason);
  }
  pause(): void {}
  resume(): void {}
}
