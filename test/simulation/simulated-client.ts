import type { Taker } from '../../lib/protocol/server-stream.js';
import type { Payload } from '../../lib/protocol/messages.js';
import type { Retention } from '../../lib/protocol/retention.js';
import type { ClientConnection, ClientSocket } from '../../lib/relay/client-connection.js';
import { readServerMessage, writeClientMessage } from './client-message.js';
import type { ClientSide } from './ledger.js';
import { chooseMessage } from './work-scenario.js';
import type { World } from './world.js';

/** Messages that a paused socket may still hand over. */
const MAX_OVERSHOOT = 3;

/** A plain WebSocket client with its socket at the relay, and the network between them. */
export class SimulatedClient implements ClientSocket {
  readonly side: ClientSide;
  /** The ingress instance that it comes through, when it is known. */
  readonly ingress: string | undefined;
  private connection: ClientConnection | undefined;
  private paused = false;
  /** Messages that still come through after a pause. */
  private overshoot = 0;
  /** What reached the relay's host and has not been read yet. */
  private unread: (() => void)[] = [];
  private upAt = 0;
  private downAt = 0;
  private takenAt = 0;
  private untaken = 0;
  private answered = false;
  private closeReceived = false;

  constructor(
    private readonly world: World,
    index: number,
  ) {
    this.side = world.ledger.addClient(index);
    const { ingresses, random, scenario } = world;
    const { clientsThroughIngress } = scenario;
    if (clientsThroughIngress > 0 && random.chance(clientsThroughIngress)) {
      this.ingress = ingresses.pick();
    }
  }

  get alive(): boolean {
    const { opened, gone, closedByRelay, left } = this.side;
    return opened && !gone && !closedByRelay && !left;
  }

  get connectionId(): string | undefined {
    return this.connection?.connectionId;
  }

  /** Bytes and messages that the core still keeps for this client. */
  get retained(): number {
    const { link } = this.connection as unknown as {
      link?: { inbound: { bytes: number; messages: number } };
    };
    return link ? link.inbound.bytes + link.inbound.messages : 0;
  }

  /** Messages of which the relay knows that they are done: no server will get them again. */
  get done(): number[] {
    const { link } = this.connection as unknown as { link: { inbound: { retained: Retention } } };
    const { retained } = link.inbound;
    const done: number[] = [];
    for (let seq = 1; seq <= retained.last; seq++) if (!retained.at(seq)) done.push(seq);
    return done;
  }

  connect(): void {
    const { relay } = this.world;
    const request = {
      method: 'GET',
      url: `/chat?client=${this.side.index}`,
      httpVersion: '1.1',
      rawHeaders: ['Host', 'localhost'],
      remoteAddress: '127.0.0.1',
      remotePort: 1024,
      encrypted: false,
    };
    this.connection = relay.connect({ port: 0, path: '/chat' }, request, this, this.ingress);
  }

  /** Sends messages at random times, and perhaps leaves. */
  start(): void {
    const { clock, random, scenario } = this.world;
    for (let i = 0; i < scenario.messagesPerClient; i++) {
      clock.after(random.int(0, scenario.activeMs), () => this.sendMessage());
    }
    if (random.chance(scenario.clientLeaves)) {
      clock.after(random.int(0, scenario.activeMs), () => this.leave(random.chance(0.4)));
    }
  }

  /** @returns its number */
  sendMessage(): number {
    const { random, scenario } = this.world;
    if (!this.alive) return 0;
    const client = this.side.index;
    const seq = ++this.side.sent;
    const { requests } = this.side;
    const chosen = chooseMessage(random, scenario.work, [...requests.keys()]);
    if (chosen.kind === 'request') requests.set(seq, chosen.argument);
    const message = { client, seq, ...chosen };
    const text = writeClientMessage(message, random.int(0, 40));
    const binary = random.chance(0.5);
    const data: Payload = scenario.codec && random.chance(0.5) ? text : Buffer.from(text);
    this.up(() => {
      this.side.taken++;
      this.connection!.message(data, binary);
      this.checkRetained();
    });
    return seq;
  }

  /** Closes the connection from the client's side. */
  leave(cut: boolean): void {
    const { clock, ledger, random } = this.world;
    if (!this.connection || this.side.left || this.side.gone || this.side.refused !== undefined)
      return;
    this.side.left = true;
    ledger.countInPhase(cut ? 'client cut' : 'client closed', this.side.index);
    ledger.trace(() => `client ${this.side.index} ${cut ? 'is cut off' : 'closes'}`);
    if (cut || !this.side.opened) {
      this.side.cut = true;
      this.unread = [];
      clock.after(random.int(0, 20), () => this.ended(1006, 'client cut'));
    } else if (!this.closeReceived) {
      this.up(() => this.ended(4000, 'client closed'));
    }
  }

  accept(): void {
    if (this.answered || this.side.gone) this.world.ledger.violate(6, 'accepted in vain or twice');
    this.answered = true;
    this.side.opened = true;
    this.side.phase = 'open';
    this.world.ledger.count('client accepted');
    this.world.ledger.trace(() => `client ${this.side.index} is accepted`);
    if (!this.side.left) this.start();
  }

  refuse(status: number, reason: string): void {
    if (this.answered || this.side.gone) this.world.ledger.violate(6, 'refused in vain or twice');
    this.answered = true;
    this.side.refused = status;
    this.world.ledger.count(`upgrade refused: ${status}`);
    this.world.ledger.trace(() => `client ${this.side.index} is refused: ${status} ${reason}`);
  }

  send(data: Payload, _binary: boolean, taker: Taker): void {
    const { clock, ledger, random, scenario } = this.world;
    if (this.side.gone) ledger.violate(7, `message for client ${this.side.index}, which is gone`);
    if (this.side.gone || this.side.closedByRelay) return;
    this.untaken++;
    const { retainedMessages } = scenario.hubLimits;
    if (this.side.phase === 'open' && !this.side.departed && this.untaken > retainedMessages) {
      ledger.violate(7, `${this.untaken} messages wait for the socket of a client`);
    }
    this.takenAt = Math.max(this.takenAt, clock.now() + random.int(0, scenario.maxTakeDelay));
    clock.after(this.takenAt - clock.now(), () => {
      this.untaken--;
      if (!this.side.gone) taker.onTaken(1);
    });
    this.down(() => {
      const message = readServerMessage(data);
      const { connection, reply, seq } = message;
      this.side.received.push(message);
      const about = reply ? ` (${reply.what} of ${reply.request})` : '';
      ledger.trace(() => `client ${this.side.index} receives ${connection}|${seq}${about}`);
    });
  }

  ping(): void {
    this.up(() => this.connection!.pong(Buffer.from('pong')));
  }

  pong(): void {}

  close(code: number, reason: string): void {
    const { clock, ledger, random } = this.world;
    // Known: a client that is gone is still asked to leave while its server has not confirmed that.
    const isAsked = reason === 'ingressReload';
    if (this.side.gone && !isAsked)
      ledger.violate(7, `close for client ${this.side.index}, which is gone`);
    if (this.side.gone || this.side.closedByRelay) return;
    if (reason === 'serverLost') this.checkLoss();
    if (reason === 'ingressReload' && !this.world.ingresses.isLeaving(this.ingress)) {
      ledger.violate(4, `client ${this.side.index} is closed for an ingress that is not its own`);
    }
    this.side.closedByRelay = { code, reason };
    this.side.takenBeforeClose = this.side.taken;
    ledger.countInPhase(`relay closed ${code} ${reason}`, this.side.index);
    ledger.trace(() => `relay closes client ${this.side.index}: ${code} ${reason}`);
    this.resume();
    if (code === 1006 || random.chance(0.1)) {
      clock.after(random.int(0, 20), () => this.ended(1006, 'closed by relay'));
      return;
    }
    this.down(() => {
      this.closeReceived = true;
      this.up(() => this.ended(code, reason));
    });
  }

  pause(): void {
    this.world.ledger.count('client paused');
    this.paused = true;
    this.overshoot = this.world.random.int(0, MAX_OVERSHOOT);
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.world.clock.after(0, () => this.read());
  }

  private checkRetained() {
    const { taken, completed, closedByRelay, index } = this.side;
    const retained = taken - completed;
    const limit = this.world.scenario.relayLimits.retainedMessages + MAX_OVERSHOOT;
    if (!closedByRelay && retained > limit) {
      this.world.ledger.violate(7, `${retained} messages of client ${index} are retained`);
    }
  }

  private checkLoss() {
    const { ledger, servers } = this.world;
    if (servers.some((it) => it.state !== 'running' || it.isSuspect(5))) return;
    ledger.violate(4, `client ${this.side.index} is closed though its server lives`);
  }

  private up(event: () => void) {
    const { clock, random, scenario } = this.world;
    this.upAt = Math.max(this.upAt, clock.now() + random.int(0, scenario.maxClientDelay));
    clock.after(this.upAt - clock.now(), () => {
      if (this.side.gone || this.side.cut) return;
      this.unread.push(event);
      this.read();
    });
  }

  private read() {
    while (this.unread.length > 0 && (!this.paused || this.overshoot-- > 0)) {
      this.unread.shift()!();
    }
  }

  private down(event: () => void) {
    const { clock, random, scenario } = this.world;
    this.downAt = Math.max(this.downAt, clock.now() + random.int(0, scenario.maxClientDelay));
    clock.after(this.downAt - clock.now(), () => {
      if (!this.side.cut) event();
    });
  }

  private ended(code: number, reason: string) {
    if (this.side.gone) return;
    this.side.gone = { code, reason };
    this.unread = [];
    this.connection!.closed(code, reason);
  }
}
