import type { Departure, HubLinkOwner, MoveRequest } from '../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import type { MigrationInfo, OpenConnection, Payload } from '../../lib/protocol/messages.js';
import type { ServerSide } from './ledger.js';
import type { SimulatedServer } from './simulated-server.js';
import type { World } from './world.js';

/** What a gateway does with one connection: handlers, replies, pushes, and now and then a close. */
export class SimulatedConnection implements HubLinkOwner {
  readonly holdsAcks = false;
  readonly waitsFor = 'handlers';
  readonly wantsFlow = false;
  readonly side: ServerSide;
  link!: HubLink;
  private readonly queue: number[] = [];
  private chained = 0;

  constructor(
    private readonly world: World,
    private readonly server: SimulatedServer,
    message: OpenConnection,
  ) {
    const { ledger } = world;
    this.side = {
      key: ledger.connections.length,
      client: Number(message.request.url.split('=')[1]),
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
  startPushing(): void {
    const { clock, random, scenario } = this.world;
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

  send(): void {
    if (this.over || this.side.sentBeforeClose !== undefined) return;
    const { random } = this.world;
    const seq = ++this.side.sent;
    const text = `${this.side.key}|${seq}|${'y'.repeat(random.int(0, 40))}`;
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
    const { clock, random, scenario } = this.world;
    const [client, seq] = data.toString().split('|').map(Number);
    if (client !== this.side.client) {
      this.world.ledger.violate(1, `connection ${this.side.key} got a message of client ${client}`);
    }
    if (this.side.closed.length > 0) {
      this.world.ledger.violate(3, `message ${seq} for connection ${this.side.key} after its end`);
    }
    if (scenario.dispatch === 'now') {
      this.dispatch(seq!);
      return;
    }
    this.queue.push(seq!);
    if (scenario.dispatch === 'serial') this.dispatchNext();
    else clock.after(random.int(0, 20), () => this.dispatchNext());
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

  messageHandled(): void {}

  moveRequested(): void {}

  depart(_move: MoveRequest, done: (departure: Departure) => void): void {
    done({});
  }

  closed(code: number, reason: string, migration: MigrationInfo | undefined): void {
    const { side } = this;
    if (this.server.dead) return;
    side.closed.push({ code, reason, migration: migration?.reason });
    if (migration) {
      if (this.queue.length > 0) this.world.ledger.count('moved with undelivered messages');
      this.queue.length = 0;
    }
    if (LOST.has(reason) || this.server.isBroken) side.lost = true;
    // It was never this server's, as the relay sees it.
    if (reason === 'moved' && !side.held) side.lost = true;
    if (reason === 'moved') this.world.ledger.count('told that it has moved');
    this.trace(`is closed: ${code} ${reason}${migration ? ` (${migration.reason})` : ''}`);
  }

  stays(reason: string): void {
    this.world.ledger.count(reason === 'rebound' ? 'stays: rebound' : 'stays');
    this.trace(`stays: ${reason}`);
    this.dispatchNext();
  }

  /** Hands over what waits; not once READY was said, since then it goes to another server. */
  private dispatchNext() {
    const { dispatch } = this.world.scenario;
    while (this.queue.length > 0 && !this.link.settling && !this.server.dead) {
      if (dispatch === 'serial' && this.side.running > 0) return;
      this.dispatch(this.queue.shift()!);
      if (dispatch === 'later' && this.world.random.chance(0.5)) return;
    }
  }

  private dispatch(seq: number) {
    if (this.server.dead) return;
    const { clock, ledger, random, scenario } = this.world;
    const { client, key } = this.side;
    let runningElsewhere = 0;
    for (const other of ledger.connections) {
      if (other.client === client && other !== this.side && !other.lost) {
        runningElsewhere += other.running;
      }
    }
    ledger.handled.push({ client, seq, connection: key, runningElsewhere });
    this.trace(`handles ${client}|${seq}`);
    const number = this.link.delivered();
    this.link.dispatched(number);
    this.side.running++;
    if (scenario.ack === 'received') ledger.clients[client]!.completed++;
    const overruns = random.chance(scenario.overrun);
    const duration = overruns ? random.int(500, 6000) : random.int(0, scenario.maxHandlerMs);
    if (overruns) ledger.count('slow handler');
    const done = () => this.handled(number);
    if (duration === 0) done();
    else clock.after(duration, done);
  }

  private handled(number: number) {
    if (this.server.dead) return;
    const { ledger, random, scenario } = this.world;
    if (random.chance(0.6)) this.send();
    this.side.running--;
    if (scenario.ack === 'handled') ledger.clients[this.side.client]!.completed++;
    this.link.handled(number);
    if (random.chance(scenario.serverCloses)) this.close();
    this.dispatchNext();
  }

  /** A stream: the next message goes out when the one before was taken. */
  private sendNext() {
    if (this.chained < 5 && this.world.random.chance(0.3)) {
      this.chained++;
      this.send();
    }
  }

  private trace(what: string) {
    const { client, key, serverId } = this.side;
    this.world.ledger.trace(() => `connection ${key} (client ${client} at ${serverId}) ${what}`);
  }
}

/** Reasons with which a connection ends because its service connection is gone. */
const LOST: ReadonlySet<string> = new Set(['', 'the relay is gone', 'the hub server is stopping']);
