import { HubCore } from '../../../lib/hub/hub-core.js';
import type { HubApplication } from '../../../lib/hub/hub-core.js';
import type { Departure, HubLinkOwner, MoveRequest } from '../../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../../lib/protocol/hub-link.js';
import type { MigrationInfo, OpenConnection, Payload } from '../../../lib/protocol/messages.js';
import { writeServerMessage } from '../client-message.js';
import type { Reply } from '../client-message.js';
import type { Handling, Ledger, ServerSide } from '../ledger.js';
import { readContext } from '../simulated-state.js';
import type { Context } from '../simulated-state.js';
import type { ProcessClock } from './step-clock.js';
import type { Wire } from './wire.js';

export const ENDPOINT = { port: 0, path: '/chat' };

/** Timers that are not to fire: both ends of a service connection learn of a loss when told to. */
const NEVER_MS = 3_600_000;

/** A message at work. */
interface Task {
  readonly number: number;
  readonly seq: number;
  readonly handling: Handling;
  /** Results that are due, and that were sent. */
  readonly results: number;
  cursor: number;
}

/**
 * An application's connection object: it echoes, one message after the other or all at once. In a
 * batch the first message has results, its connection a state, and both go along.
 */
export class SmallConnection implements HubLinkOwner {
  readonly holdsAcks: boolean;
  readonly waitsFor = 'handlers';
  readonly wantsFlow = false;
  readonly side: ServerSide;
  /** Numbers and sequence numbers of the messages whose handlers run. */
  readonly running: Task[] = [];
  private readonly suspended: Task[] = [];
  private readonly effects: number[];
  private readonly cursors: Map<number, number>;
  /** A function, since a link that is over is no part of the state. */
  linkOf!: () => HubLink;
  answered = false;
  private readonly queue: number[] = [];

  constructor(
    readonly server: SmallServer,
    private readonly ledger: Ledger,
    message: OpenConnection,
  ) {
    const { cursors, effects } = readContext(message.context);
    this.holdsAcks = server.batch > 0;
    this.effects = [...effects];
    this.cursors = new Map(cursors);
    this.side = ledger.addConnection(0, server, message, new Map(cursors));
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

  send(reply?: Reply): void {
    if (!this.active) return;
    const { key } = this.side;
    const seq = ++this.side.sent;
    const about = reply ? ` (${reply.what} of ${reply.request})` : '';
    this.ledger.trace(() => `${this.server.serverId} sends ${key}|${seq}${about}`);
    this.linkOf().send(writeServerMessage({ connection: key, seq, reply }, 0), false);
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

  /** A handler goes on: it has the next result, or is done and its answer is sent. */
  handled(at: number): void {
    const task = this.running[at]!;
    const { cursor, number, results, seq } = task;
    if (this.server.dead) return;
    if (cursor < results) {
      this.send({ request: seq, what: ++task.cursor });
      this.cursors.set(seq, task.cursor);
      this.linkOf().checkpoint(this.context, true);
      return;
    }
    this.running.splice(at, 1);
    this.side.running--;
    this.send(results > 0 ? { request: seq, what: 'done' } : undefined);
    if (this.effects.includes(seq)) this.ledger.violate(1, `message ${seq} has its effect twice`);
    this.effects.push(seq);
    this.cursors.delete(seq);
    this.linkOf().handled(number);
    this.dispatch();
  }

  pongReceived(): void {}

  messageHandled(number: number): void {
    this.linkOf().checkpoint(this.context, true);
    this.linkOf().acknowledge(number);
  }

  moveRequested(): void {
    for (const task of this.running.filter(({ results }) => results > 0)) {
      this.running.splice(this.running.indexOf(task), 1);
      this.suspended.push(task);
      task.handling.suspended = true;
      this.cursors.set(task.seq, task.cursor);
      this.side.running--;
      this.linkOf().suspended(task.number);
    }
  }

  depart(_move: MoveRequest, done: (departure: Departure) => void): void {
    done({ ...(this.context && { context: this.context }) });
  }

  closed(code: number, reason: string, migration: MigrationInfo | undefined): void {
    if (this.server.dead) return;
    this.side.closed.push({ code, reason, migration: migration?.reason });
    if (migration) this.queue.length = this.suspended.length = 0;
    const where = migration ? ` (${migration.reason} to ${migration.server})` : '';
    this.ledger.trace(() => `${this.server.serverId} hears of the end: ${code} ${reason}${where}`);
  }

  stays(): void {
    for (const task of this.suspended.splice(0)) {
      task.handling.suspended = false;
      this.running.push(task);
      this.side.running++;
      this.linkOf().resumed();
    }
    this.dispatch();
  }

  private get context(): Uint8Array | undefined {
    if (this.server.batch === 0) return undefined;
    const { cursors, effects } = this;
    const context: Context = { effects, cursors: [...cursors] };
    return Buffer.from(JSON.stringify(context));
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
      const handling = { client: 0, seq, connection: side.key, runningElsewhere };
      ledger.handled.push(handling);
      ledger.trace(() => `${server.serverId} begins to handle message ${seq}`);
      side.running++;
      const number = this.linkOf().delivered();
      const results = seq === 1 ? server.batch : 0;
      running.push({ number, seq, handling, results, cursor: this.cursors.get(seq) ?? 0 });
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
    /** Results of the first message. */
    readonly batch: number,
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
