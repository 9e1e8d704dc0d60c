import { HubCore } from '../../../lib/hub/hub-core.js';
import type { HubApplication } from '../../../lib/hub/hub-core.js';
import type { Departure, HubLinkOwner, MoveRequest } from '../../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../../lib/protocol/hub-link.js';
import type { MigrationInfo, OpenConnection, Payload } from '../../../lib/protocol/messages.js';
import type { Ledger, ServerSide } from '../ledger.js';
import type { ProcessClock } from './step-clock.js';
import type { Wire } from './wire.js';

export const ENDPOINT = { port: 0, path: '/chat' };

/** Timers that are not to fire: both ends of a service connection learn of a loss when told to. */
const NEVER_MS = 3_600_000;

/** An application's connection object: it echoes, one message after the other or all at once. */
export class SmallConnection implements HubLinkOwner {
  readonly holdsAcks = false;
  readonly waitsFor = 'handlers';
  readonly wantsFlow = false;
  readonly side: ServerSide;
  /** Numbers and sequence numbers of the messages whose handlers run. */
  readonly running: { number: number; seq: number }[] = [];
  /** A function, since a link that is over is no part of the state. */
  linkOf!: () => HubLink;
  answered = false;
  private readonly queue: number[] = [];

  constructor(
    readonly server: SmallServer,
    private readonly ledger: Ledger,
    message: OpenConnection,
  ) {
    this.side = {
      key: ledger.connections.length,
      client: 0,
      serverId: server.serverId,
      epoch: message.epoch,
      migrated: Boolean(message.migration),
      accepted: false,
      refused: false,
      sent: 0,
      sentBeforeClose: undefined,
      running: 0,
      closed: [],
      lost: server.dead,
      diedWithMessages: false,
    };
    ledger.connections.push(this.side);
  }

  get over(): boolean {
    return this.server.dead || this.side.refused || this.side.closed.length > 0;
  }

  /** Whether the application can send or close. */
  get active(): boolean {
    return !this.over && this.side.accepted && this.side.sentBeforeClose === undefined;
  }

  accept(): void {
    this.answered = this.side.accepted = true;
    this.linkOf().accept('');
  }

  refuse(): void {
    this.answered = this.side.refused = true;
    this.linkOf().refuse(403, 'not today');
  }

  send(): void {
    if (!this.active) return;
    const text = `${this.side.key}|${++this.side.sent}`;
    this.ledger.trace(() => `${this.server.serverId} sends ${text}`);
    this.linkOf().send(text, false);
  }

  close(): void {
    this.side.sentBeforeClose = this.side.sent;
    this.linkOf().close(4001, 'bye');
  }

  deliver(data: Payload): void {
    const seq = Number(data.toString().split('|')[1]);
    if (this.side.closed.length > 0) {
      this.ledger.violate(3, `message ${seq} for connection ${this.side.key} after its end`);
    }
    this.queue.push(seq);
    this.dispatch();
  }

  /** The handler of a message is done: its result is sent. */
  handled(at: number): void {
    const { number } = this.running.splice(at, 1)[0]!;
    this.side.running--;
    if (this.server.dead) return;
    this.send();
    this.linkOf().handled(number);
    this.dispatch();
  }

  pongReceived(): void {}

  messageHandled(): void {}

  moveRequested(): void {}

  depart(_move: MoveRequest, done: (departure: Departure) => void): void {
    done({});
  }

  closed(code: number, reason: string, migration: MigrationInfo | undefined): void {
    if (this.server.dead) return;
    this.side.closed.push({ code, reason, migration: migration?.reason });
    if (migration) this.queue.length = 0;
    const where = migration ? ` (${migration.reason} to ${migration.server})` : '';
    this.ledger.trace(() => `${this.server.serverId} hears of the end: ${code} ${reason}${where}`);
  }

  stays(): void {
    this.dispatch();
  }

  private dispatch() {
    const { ledger, queue, running, server, side } = this;
    while (queue.length > 0 && !this.linkOf().settling && !server.dead) {
      if (server.serial && running.length > 0) return;
      const seq = queue.shift()!;
      let runningElsewhere = 0;
      for (const other of ledger.connections) {
        if (other !== side && !other.lost) runningElsewhere += other.running;
      }
      ledger.handled.push({ client: 0, seq, connection: side.key, runningElsewhere });
      ledger.trace(() => `${server.serverId} begins to handle message ${seq}`);
      side.running++;
      running.push({ number: this.linkOf().delivered(), seq });
    }
  }
}

/** A hub server: its core, its service connections, its application. */
export class SmallServer implements HubApplication {
  readonly endpoints = [ENDPOINT];
  readonly core: HubCore;
  readonly connections: SmallConnection[] = [];
  readonly wires: Wire[] = [];
  dead = false;
  /** It dials no more. */
  offline = false;
  /** Service connections that are to be dialled again. */
  undialled = 0;

  constructor(
    readonly serverId: string,
    /** Whether a message waits for the handler of the one before. */
    readonly serial: boolean,
    readonly clock: ProcessClock,
    private readonly ledger: Ledger,
  ) {
    this.core = new HubCore(
      {
        serverId,
        serverName: serverId,
        version: '1',
        keepAliveMs: NEVER_MS,
        deadAfterMs: 2 * NEVER_MS,
        handshakeTimeoutMs: 15_000,
        finIntervalMs: 5000,
        orphanMs: 60_000,
        retainedBytes: 1 << 20,
        retainedMessages: 1000,
      },
      this,
      clock,
      {
        fault: (error) => ledger.violate(5, `${serverId} threw ${String(error)}`),
        sessionEnded: () => this.undialled++,
      },
    );
  }

  ackMode(): 'handled' {
    return 'handled';
  }

  open(message: OpenConnection, bind: (owner: HubLinkOwner) => HubLink): void {
    const connection = new SmallConnection(this, this.ledger, message);
    this.connections.push(connection);
    const link = bind(connection);
    connection.linkOf = () => link;
  }

  goOffline(): void {
    this.offline = true;
    this.core.setOffline(() => undefined);
  }

  drain(deadlineMs: number): void {
    this.core.drain(this.endpoints, deadlineMs);
  }

  /** The process is killed. What it has sent arrives. */
  die(): void {
    for (const { side } of this.connections) {
      if (side.closed.length === 0) side.lost = true;
    }
    this.dead = true;
    for (const { hub } of this.wires) hub.end(1006, 'killed');
    this.core.stop();
    this.clock.clear();
    this.clock.stopped = true;
    this.undialled = 0;
  }
}
