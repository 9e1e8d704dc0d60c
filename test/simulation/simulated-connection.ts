import type { Departure, HubLinkOwner, MoveRequest } from '../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import type { MigrationInfo, OpenConnection, Payload } from '../../lib/protocol/messages.js';
import { readClientMessage, writeServerMessage } from './client-message.js';
import type { ClientMessage, Reply } from './client-message.js';
import type { ServerSide } from './ledger.js';
import { SimulatedDeparture } from './simulated-departure.js';
import type { SimulatedServer } from './simulated-server.js';
import { readContext, SimulatedState } from './simulated-state.js';
import { SimulatedWork } from './simulated-work.js';
import type { World } from './world.js';

/** What a gateway does with one connection: handlers, replies, pushes, and now and then a close. */
export class SimulatedConnection implements HubLinkOwner {
  readonly side: ServerSide;
  readonly state: SimulatedState;
  readonly holdsAcks: boolean;
  readonly wantsFlow: boolean;
  link!: HubLink;
  private readonly work: SimulatedWork;
  private readonly departure: SimulatedDeparture;
  private readonly queue: ClientMessage[] = [];
  /** The last message that was handed to its handler. */
  private begun: number;
  private chained = 0;

  constructor(
    private readonly world: World,
    readonly server: SimulatedServer,
    message: OpenConnection,
  ) {
    const { ledger, scenario } = world;
    this.holdsAcks = scenario.work.holdsAcks;
    this.wantsFlow = scenario.work.flows;
    this.begun = message.inbound;
    this.side = ledger.addConnection(
      Number(message.request.url.split('=')[1]),
      server,
      message,
      new Map(readContext(message.context).cursors),
    );
    this.state = new SimulatedState(world, this.side, () => this.link, message.context);
    this.work = new SimulatedWork(world, this);
    this.departure = new SimulatedDeparture(world, this);
  }

  get waitsFor(): string {
    return this.departure.waitsFor;
  }

  get over(): boolean {
    return this.server.dead || this.side.refused || this.side.closed.length > 0;
  }

  accept(): void {
    if (this.over) return;
    this.side.accepted = true;
    this.trace('accepts');
    this.link.accept('');
  }

  refuse(): void {
    if (this.over) return;
    this.side.refused = true;
    this.trace('refuses');
    this.world.ledger.count(this.side.migrated ? 'target refused' : 'first server refused');
    this.link.refuse(403, 'not today');
  }

  /** Sends at random times, also while the connection leaves and after READY. */
  start(): void {
    const { clock, random, scenario } = this.world;
    this.departure.start();
    for (let i = 0; i < scenario.pushesPerConnection; i++) {
      clock.after(random.int(0, scenario.activeMs), () => {
        if (this.link.leaving && !this.over) this.world.ledger.count('push while leaving');
        this.send();
      });
    }
    if (random.chance(scenario.serverCloses * 3)) {
      clock.after(random.int(0, scenario.activeMs), () => this.close());
    }
  }

  close(): void {
    if (this.over || this.side.sentBeforeClose !== undefined) return;
    this.side.sentBeforeClose = this.side.sent;
    this.trace('closes the client');
    this.world.ledger.countInPhase('server closed', this.side.client);
    this.link.close(4001, 'bye');
  }

  send(reply?: Reply): void {
    if (this.over || this.side.sentBeforeClose !== undefined) return;
    const { random } = this.world;
    const seq = ++this.side.sent;
    const text = writeServerMessage({ connection: this.side.key, seq, reply }, random.int(0, 40));
    this.trace(`sends ${this.side.key}|${seq}`);
    let refusedAtOnce = true;
    let failed = false;
    this.link.send(random.chance(0.5) ? text : Buffer.from(text), random.chance(0.5), (error) => {
      if (!error) this.sendNext();
      else if (refusedAtOnce) failed = true;
    });
    refusedAtOnce = false;
    if (failed) this.side.sent--;
  }

  deliver(data: Payload): void {
    const { clock, ledger, random, scenario } = this.world;
    const message = readClientMessage(data);
    const { client, kind, seq } = message;
    if (client !== this.side.client) {
      ledger.violate(1, `connection ${this.side.key} got a message of client ${client}`);
    }
    if (this.side.closed.length > 0) {
      ledger.violate(3, `message ${seq} for connection ${this.side.key} after its end`);
    }
    const leaves = this.link.leaving;
    if (leaves) ledger.count('message flows to an origin that waits');
    // An attention is seen as soon as it is there; its turn comes like any other message's.
    const see = () => {
      if (kind === 'attention') this.work.attention(message.argument, (it) => it <= this.begun);
    };
    if (leaves) {
      this.queue.push(message);
      // What it ends may have the connection stay, and all that waits handed over.
      see();
      return;
    }
    see();
    if (scenario.dispatch === 'now' && this.queue.length === 0) {
      this.dispatch(message);
      return;
    }
    this.queue.push(message);
    if (scenario.dispatch !== 'later') this.dispatchNext();
    else clock.after(random.int(0, 20), () => this.dispatchNext());
  }

  messageHandled(number: number): void {
    this.state.messageHandled(number);
  }

  moveRequested(move: MoveRequest): void {
    this.trace(`is asked to move: ${move.reason}, attempt ${move.attempt}`);
    this.work.moveRequested();
  }

  depart(move: MoveRequest, done: (departure: Departure) => void): void {
    this.departure.depart(move, done);
  }

  /** The server can say nothing more to the relay, and its last words may be missing. */
  cutOff(): void {
    if (this.side.closed.length > 0) this.side.cutShort = true;
  }

  /** The server's process was killed. */
  died(): void {
    this.cutOff();
    if (this.side.closed.length === 0) this.side.lost = true;
    if (this.queue.length > 0) this.side.diedWithMessages = true;
  }

  pongReceived(): void {}

  closed(code: number, reason: string, migration: MigrationInfo | undefined): void {
    const { side } = this;
    if (this.server.dead) return;
    side.closed.push({ code, reason, migration: migration?.reason });
    if (migration) {
      if (this.queue.length > 0) this.world.ledger.count('moved with undelivered messages');
      this.queue.length = 0;
      this.work.moved();
    }
    if (LOST.has(reason) || this.server.isBroken) side.lost = true;
    // The relay got no answer, and says so on another service connection.
    if (reason === 'serverLost' && this.server.isSuspect(2)) side.lost = true;
    // It was never this server's, as the relay sees it.
    if (reason === 'moved' && !side.held) side.lost = true;
    if (reason === 'moved') this.toldLate();
    this.trace(`is closed: ${code} ${reason}${migration ? ` (${migration.reason})` : ''}`);
  }

  /** It was not there to say its last word, for which the relay waits for so long. */
  private toldLate() {
    const { clock, ledger, scenario } = this.world;
    ledger.count('told that it has moved');
    const { leftAt = 0 } = ledger.clients[this.side.client]!;
    if (clock.now() - leftAt >= scenario.stepMs) this.side.cutShort = true;
  }

  stays(reason: string): void {
    this.world.ledger.count(reason === 'rebound' ? 'stays: rebound' : 'stays');
    this.trace(`stays: ${reason}`);
    this.work.resume();
    this.dispatchNext();
  }

  /** A message has been handled. @param isLate whether it is acknowledged only now */
  finish(seq: number, number: number, isLate = false): void {
    const { ledger, scenario } = this.world;
    if (!this.over) this.state.apply(seq);
    this.side.running--;
    if (scenario.ack === 'received' && isLate) {
      this.link.dispatched(number);
      ledger.clients[this.side.client]!.completed++;
    } else if (scenario.ack === 'handled' && !this.holdsAcks) {
      ledger.clients[this.side.client]!.completed++;
    }
    this.link.handled(number);
    if (this.world.random.chance(scenario.serverCloses)) this.close();
    this.dispatchNext();
  }

  /** A handler ends since the connection is over. */
  abandon(number: number): void {
    this.side.running--;
    this.link.handled(number);
    this.dispatchNext();
  }

  trace(what: string): void {
    const { client, key, serverId } = this.side;
    this.world.ledger.trace(() => `connection ${key} (client ${client} at ${serverId}) ${what}`);
  }

  /** Hands over what waits; not once it is asked to leave, if more arrives then. */
  private dispatchNext() {
    const { dispatch } = this.world.scenario;
    while (this.queue.length > 0 && !this.link.settling && !this.server.dead) {
      if (dispatch === 'serial' && this.side.running > 0) return;
      if (this.wantsFlow && this.link.leaving) return;
      this.dispatch(this.queue.shift()!);
      if (dispatch === 'later' && this.world.random.chance(0.5)) return;
    }
  }

  private dispatch(message: ClientMessage) {
    if (this.server.dead) return;
    const { seq } = message;
    const { ledger, scenario } = this.world;
    const { client, key } = this.side;
    let runningElsewhere = 0;
    for (const other of ledger.connections) {
      if (other.client === client && other !== this.side && !other.lost) {
        runningElsewhere += other.running;
      }
    }
    const handling = { client, seq, connection: key, runningElsewhere };
    ledger.handled.push(handling);
    this.trace(`handles ${client}|${seq}`);
    this.begun = seq;
    const number = this.link.delivered();
    this.side.running++;
    if (!this.work.isBatch(message)) {
      this.link.dispatched(number);
      if (scenario.ack === 'received') ledger.clients[client]!.completed++;
    }
    this.work.begin(message, number, handling);
  }

  /** A stream: the next message goes out when the one before was taken. */
  private sendNext() {
    if (this.chained < 5 && this.world.random.chance(0.3)) {
      this.chained++;
      this.send();
    }
  }
}

/** Reasons with which a connection ends because its service connection is gone. */
const LOST: ReadonlySet<string> = new Set(['', 'the relay is gone', 'the hub server is stopping']);
