import type { Taker } from '../../lib/protocol/server-stream.js';
import { HubCore } from '../../lib/hub/hub-core.js';
import type { Departure, HubLinkOwner, MoveRequest } from '../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import { ServiceCloseCode } from '../../lib/protocol/errors.js';
import { InProcessTransport } from '../../lib/protocol/in-process-transport.js';
import type { ClientRequest, MigrationInfo, OpenConnection } from '../../lib/protocol/messages.js';
import type { RelaySession } from '../../lib/protocol/relay-session.js';
import type { ClientConnection, ClientSocket } from '../../lib/relay/client-connection.js';
import { leastConnections } from '../../lib/relay/least-connections.js';
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

/** A relay, hub servers and clients in one process, on a clock that stands still until it is run. */
export class InProcessFixture {
  readonly clock = new VirtualClock(3_000_000);
  readonly relay: RelayCore;
  readonly faults: unknown[] = [];

  constructor(options: Partial<RelayCoreOptions> = {}, seed = 1) {
    this.relay = new RelayCore(
      {
        retainedBytes: 10_000,
        retainedMessages: 1000,
        retainedTotalBytes: 1_000_000,
        stepMs: 500,
        holdUpgradeMs: 60_000,
        handshakeTimeoutMs: 60_000,
        hubReconnectGraceMs: 1000,
        ingresses: [],
        lastIngress: 'refuse',
        migrationsPerSecond: 10_000,
        migrationRequestMs: 30_000,
        contextTotalBytes: 1 << 20,
        route: leastConnections,
        ...options,
      },
      this.clock,
      new SeededRandom(seed),
      { fault: (error) => this.faults.push(error) },
    );
  }

  /** A hub server with one service connection through each ingress (`undefined`: through none). */
  hub(serverId: string, ...ingresses: (string | undefined)[]): InProcessHub {
    const hub = new InProcessHub(this, serverId);
    for (const ingress of ingresses) hub.connect(ingress);
    this.run(0);
    return hub;
  }

  client(ingress?: string): InProcessClient {
    const client = new InProcessClient(this.clock);
    client.connection = this.relay.connect(ENDPOINT, REQUEST, client, ingress);
    this.run(0);
    return client;
  }

  clients(count: number, ingress?: string): InProcessClient[] {
    return Array.from({ length: count }, () => this.client(ingress));
  }

  /** Lets time pass; with 0 what is on its way arrives. */
  run(ms: number): void {
    this.clock.after(ms, () => undefined);
    this.clock.run(ms);
  }
}

/** A service connection, which can fail. */
export class InProcessServiceConnection {
  readonly session: RelaySession;
  private readonly ends: InProcessTransport[];
  private readonly flushes: (() => void)[] = [];
  private stalled = false;

  constructor(fixture: InProcessFixture, hub: HubCore, ingress: string | undefined) {
    const [atRelay, atHub] = InProcessTransport.pair();
    this.ends = [atRelay, atHub];
    for (const end of this.ends) {
      const flush = end.flush.bind(end);
      this.flushes.push(flush);
      end.flush = () => {
        if (!this.stalled) flush();
      };
    }
    this.session = fixture.relay.attach(atRelay, { ingress });
    hub.attach(atHub);
  }

  /** From now on nothing arrives, until it is {@link resume}d or {@link cut}. */
  stall(): void {
    this.stalled = true;
  }

  resume(): void {
    this.stalled = false;
    for (const flush of this.flushes) flush();
  }

  /** What is on its way is lost. */
  cut(): void {
    this.stalled = true;
    this.ends[0]!.close(ServiceCloseCode.Silent, 'cut');
  }
}

/** A hub server whose application does what the test says. */
export class InProcessHub {
  readonly core: HubCore;
  readonly sockets: InProcessSocket[] = [];
  /** Whether it answers a connection at once. */
  accepts = true;

  constructor(
    private readonly fixture: InProcessFixture,
    readonly serverId: string,
  ) {
    this.core = new HubCore(
      {
        serverId,
        serverName: `name of ${serverId}`,
        version: '1',
        keepAliveMs: 60_000,
        deadAfterMs: 120_000,
        handshakeTimeoutMs: 60_000,
        retainedBytes: 10_000,
        retainedMessages: 1000,
        finIntervalMs: 1000,
        orphanMs: 10_000,
      },
      { endpoints: [ENDPOINT], ackMode: () => 'handled', open: (...args) => this.open(...args) },
      fixture.clock,
      { fault: (error) => fixture.faults.push(error) },
    );
  }

  connect(ingress?: string): InProcessServiceConnection {
    const made = new InProcessServiceConnection(this.fixture, this.core, ingress);
    this.fixture.run(0);
    return made;
  }

  /** The stages of a shutdown up to the drain. */
  drain(deadlineMs: number): void {
    this.core.setOffline(() => this.core.drain([ENDPOINT], deadlineMs));
    this.fixture.run(0);
  }

  private open(message: OpenConnection, bind: (owner: HubLinkOwner) => HubLink) {
    const socket = new InProcessSocket(message);
    this.sockets.push(socket);
    socket.link = bind(socket);
    if (this.accepts) socket.link.accept('');
  }
}

/** A client connection as the application of a hub server has it. */
export class InProcessSocket implements HubLinkOwner {
  readonly holdsAcks = false;
  readonly waitsFor = 'handlers';
  readonly wantsFlow = false;
  link!: HubLink;
  readonly received: string[] = [];
  ended: { code: number; migration: MigrationInfo | undefined } | undefined;
  /** How often it ended. */
  ends = 0;
  /** Whether handlers run until {@link finish}. */
  busy = false;
  private readonly running: number[] = [];

  constructor(readonly opened: OpenConnection) {}

  deliver(data: string | Buffer): void {
    this.received.push(String(data));
    const number = this.link.delivered();
    this.link.dispatched(number);
    this.running.push(number);
    if (!this.busy) this.finish();
  }

  /** All handlers are done. */
  finish(): void {
    this.busy = false;
    for (const number of this.running.splice(0)) this.link.handled(number);
  }

  messageHandled(): void {}
  moveRequested(): void {}
  depart(_move: MoveRequest, done: (departure: Departure) => void): void {
    done({});
  }
  pongReceived(): void {}
  stays(): void {}

  closed(code: number, _reason: string, migration: MigrationInfo | undefined): void {
    this.ends++;
    this.ended = { code, migration };
  }
}

/** A client that answers a closing handshake after a while, or never. */
export class InProcessClient implements ClientSocket {
  connection!: ClientConnection;
  readonly received: string[] = [];
  /** Every time it was asked to close. */
  readonly asked: { code: number; reason: string; at: number }[] = [];
  /** Time it takes to answer a closing handshake; `undefined`: it never does. */
  answersAfterMs: number | undefined = 0;
  accepted = false;
  refused: number | undefined;
  paused = false;

  constructor(private readonly clock: VirtualClock) {}

  say(text: string): void {
    this.connection.message(text, false);
  }

  leave(code = 1001): void {
    this.connection.closed(code, '');
  }

  accept(): void {
    this.accepted = true;
  }
  refuse(status: number): void {
    this.refused = status;
  }
  send(data: string | Buffer, _binary: boolean, taker: Taker): void {
    this.received.push(String(data));
    taker.onTaken(1);
  }
  close(code: number, reason: string): void {
    this.asked.push({ code, reason, at: this.clock.now() });
    if (this.answersAfterMs === undefined || this.asked.length > 1) return;
    this.clock.after(this.answersAfterMs, () => this.connection.closed(code, reason));
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  ping(): void {}
  pong(): void {}
}
