import { RelayCore } from '../../../lib/relay/relay-core.js';
import { leastConnections } from '../../../lib/relay/least-connections.js';
import { Ledger } from '../ledger.js';
import { SeededRandom } from '../random.js';
import type { Choice } from './search.js';
import { SmallClient } from './small-client.js';
import { SmallServer } from './small-server.js';
import type { SmallConnection } from './small-server.js';
import { SmallTap } from './small-tap.js';
import { hashOfState } from './state-hash.js';
import { ProcessClock, StepClock } from './step-clock.js';
import { Wire } from './wire.js';
import type { WireEnd } from './wire.js';

/** What is searched: who takes part, and what is done to them. */
export interface SmallCase {
  readonly name: string;
  /** Names of the hub servers. */
  readonly servers: readonly string[];
  /** The ingress instance of each service connection of a hub server. */
  readonly ingresses: readonly string[];
  /** Messages of the client, and pushes by applications. */
  readonly messages: number;
  readonly pushes: number;
  /** Whether a message waits for the handler of the one before. */
  readonly serial: boolean;
  /** Whether a process may do more before what it sent leaves, as in one turn of an event loop. */
  readonly coalesce: boolean;
  /** What the operator does once. */
  readonly operation: { readonly name: string; perform(world: SmallWorld): void };
  /** Judges what came of it, when nothing happened that could hinder it. */
  judge(world: SmallWorld): void;
  /** What may happen once, at any time. */
  readonly mayClose: 'client' | 'application' | 'nobody';
  /** Faults of which one may happen. */
  readonly faults: readonly FaultKind[];
}

/** A fault that can happen now. */
export interface Fault {
  readonly name: string;
  readonly detail?: string;
  perform(): void;
}

/** @returns the faults of this kind that can happen now */
export type FaultKind = (world: SmallWorld) => Fault[];

const MAX_SETTLE_STEPS = 1000;

/** One relay, some hub servers and one client, in which nothing happens by itself. */
export class SmallWorld {
  readonly clock = new StepClock();
  readonly ledger: Ledger;
  readonly relayClock = new ProcessClock(this.clock);
  readonly relay: RelayCore;
  readonly client: SmallClient;
  readonly servers: SmallServer[] = [];
  readonly wires: Wire[] = [];
  readonly tap: SmallTap;
  /** The fault that happened. */
  fault: string | undefined;
  /** Hub servers that stand still, or did. */
  readonly frozen = new Set<SmallServer>();
  /** Time passed while an end did not know yet that its service connection was lost. */
  waitedBlindly = false;
  private operated = false;
  private pushesLeft: number;
  private mayClose: SmallCase['mayClose'];

  constructor(
    readonly what: SmallCase,
    onTrace?: (line: string) => void,
  ) {
    const { clock, relayClock } = this;
    this.pushesLeft = what.pushes;
    this.mayClose = what.mayClose;
    const ledger = (this.ledger = new Ledger(() => clock.time, onTrace));
    this.tap = new SmallTap(
      ledger,
      (wire, code) => code === 4429 && this.isSuspect(wire),
      (from) => this.checkTakeover(from),
    );
    this.relay = new RelayCore(
      {
        retainedBytes: 1 << 20,
        retainedMessages: 1000,
        retainedTotalBytes: 1 << 28,
        stepMs: 1000,
        holdUpgradeMs: 5000,
        handshakeTimeoutMs: 15_000,
        hubReconnectGraceMs: 2000,
        ingresses: [],
        lastIngress: 'wait',
        migrationsPerSecond: 500,
        route: leastConnections,
      },
      relayClock,
      new SeededRandom(1),
      { fault: (error) => ledger.violate(5, `the relay threw ${String(error)}`) },
    );
    for (const name of what.servers) {
      const server = new SmallServer(name, what.serial, new ProcessClock(clock), ledger);
      this.servers.push(server);
      for (let i = 0; i < what.ingresses.length; i++) this.dial(server);
    }
    this.client = new SmallClient(this.relay, ledger);
    this.endTurns();
    this.settle();
    this.client.connect();
    this.endTurns();
    this.settle();
  }

  get violations(): readonly string[] {
    return this.ledger.violations;
  }

  /** Everything that can happen now, in a fixed order. */
  choices(): Choice[] {
    const choices: Choice[] = [];
    this.addWork(choices);
    const work = choices.length;
    this.addNews(choices);
    const blind = choices.length > work;
    this.addActs(choices);
    const next = this.clock.next();
    if (work === 0 && next) {
      const { at } = next;
      this.add(choices, 'step', 'time passes', () => {
        this.clock.time = at;
        this.waitedBlindly ||= blind;
      });
    }
    this.addOptions(choices);
    return choices;
  }

  fingerprint(): number {
    const { clock, client, ledger, relay, servers, wires, tap, fault, frozen } = this;
    const { operated, pushesLeft, mayClose, waitedBlindly } = this;
    const { clients, connections, handled } = ledger;
    const state = { clock, client, clients, connections, handled, relay, servers, wires, tap };
    const past = { fault, frozen, operated, pushesLeft, mayClose, waitedBlindly };
    return hashOfState({ ...state, ...past }, clock.time);
  }

  /** Lets everything happen that must, in the usual order, until nothing is left. */
  settle(): void {
    for (let steps = 0; steps < MAX_SETTLE_STEPS; steps++) {
      const choice = this.choices().find(({ kind }) => kind === 'step');
      if (!choice) return;
      choice.perform();
    }
    this.ledger.violate(5, 'it does not come to rest');
  }

  /** Connections whose application can send. */
  active(): SmallConnection[] {
    return this.servers
      .filter(({ clock }) => !clock.stopped)
      .flatMap(({ connections }) => connections.filter((it) => it.active));
  }

  freeze(server: SmallServer): void {
    server.clock.stopped = true;
    this.frozen.add(server);
  }

  /** Something happens outside of any choice. */
  act(what: () => void): void {
    what();
    this.endTurns();
  }

  private dial(server: SmallServer) {
    const { serverId, wires } = server;
    const taken = wires.filter(({ hub }) => !hub.ended).map((it) => it.ingress);
    const ingress = this.what.ingresses.find((it) => !taken.includes(it))!;
    const wire = new Wire(
      serverId,
      wires.length + 1,
      ingress,
      this.tap,
      this.relayClock,
      server.clock,
    );
    server.wires.push(wire);
    this.wires.push(wire);
    this.relay.attach(wire.relay, { authenticatedAs: server.serverId, ingress });
    server.core.attach(wire.hub);
  }

  private add(choices: Choice[], kind: Choice['kind'], name: string, action: () => void) {
    const perform = () => {
      this.ledger.trace(() => `* ${name}`);
      try {
        action();
      } catch (error) {
        this.ledger.violate(5, `${name}: ${(error as Error).stack ?? String(error)}`);
      }
      if (!this.what.coalesce) this.endTurns();
    };
    choices.push({ name, kind, perform });
  }

  /** What processes have to do. */
  private addWork(choices: Choice[]) {
    this.addFlush(choices, 'the relay', this.relayClock);
    for (const { name, relay } of this.wires) {
      if (relay.hasArrivals) {
        this.add(choices, 'step', `relay reads ${name}`, () => relay.arrive());
      }
    }
    for (const server of this.servers) if (!server.clock.stopped) this.addServer(choices, server);
    this.addTimer(choices, 'the relay', this.relayClock);
    const { client } = this;
    if (client.side.closedByRelay && !client.side.gone) {
      this.add(choices, 'step', 'the client answers the close', () => client.answerClose());
    }
  }

  private addServer(choices: Choice[], server: SmallServer) {
    const { clock, connections, offline, serverId, undialled, wires } = server;
    this.addFlush(choices, serverId, clock);
    for (const { name, hub } of wires) {
      if (hub.hasArrivals) {
        this.add(choices, 'step', `${serverId} reads ${name}`, () => hub.arrive());
      }
    }
    for (const connection of connections) this.addConnection(choices, connection);
    this.addTimer(choices, serverId, clock);
    if (undialled > 0 && !offline) {
      this.add(choices, 'step', `${serverId} dials`, () => {
        server.undialled--;
        this.dial(server);
      });
    }
  }

  private addConnection(choices: Choice[], connection: SmallConnection) {
    const { answered, over, running, server } = connection;
    if (!answered && !over) {
      this.add(choices, 'step', `${server.serverId} accepts`, () => connection.accept());
    }
    for (const [at, { seq }] of running.entries()) {
      this.add(choices, 'step', `${server.serverId} has handled ${seq}`, () =>
        connection.handled(at),
      );
    }
  }

  private addFlush(choices: Choice[], name: string, clock: ProcessClock) {
    if (clock.stopped || !clock.hasDeferred) return;
    this.add(choices, 'step', `${name} ends its turn`, () => clock.endTurn());
  }

  private addTimer(choices: Choice[], name: string, clock: ProcessClock) {
    const due = clock.stopped ? undefined : clock.due();
    if (due) this.add(choices, 'step', `a timer of ${name}`, () => clock.fire(due));
  }

  /** What reaches its end at whatever time, and time may pass before. */
  private addNews(choices: Choice[]) {
    for (const wire of this.wires) {
      if (wire.broken) for (const end of [wire.relay, wire.hub]) this.addLoss(choices, end);
    }
    for (const server of this.frozen) {
      if (!server.clock.stopped) continue;
      this.add(choices, 'step', `${server.serverId} goes on`, () => {
        server.clock.stopped = false;
      });
    }
  }

  private addLoss(choices: Choice[], end: WireEnd) {
    if (end.ended || end.clock.stopped) return;
    const name = `${end.atRelay ? 'relay' : 'hub'} learns of the loss of ${end.wire.name}`;
    this.add(choices, 'step', name, () => end.end(1006, 'cut'));
  }

  private addActs(choices: Choice[]) {
    const { client, what } = this;
    if (client.alive && client.side.sent < what.messages) {
      this.add(choices, 'act', 'the client sends', () => void client.sendMessage());
    }
    if (!this.operated) {
      this.add(choices, 'act', what.operation.name, () => {
        this.operated = true;
        what.operation.perform(this);
      });
    }
    if (this.pushesLeft === 0) return;
    for (const connection of this.active()) {
      this.add(choices, 'act', `${connection.server.serverId} pushes`, () => {
        this.pushesLeft--;
        connection.send();
      });
    }
  }

  private addOptions(choices: Choice[]) {
    const { client, mayClose } = this;
    if (mayClose === 'client' && client.alive) {
      this.add(choices, 'option', 'the client leaves', () => {
        this.mayClose = 'nobody';
        client.leave();
      });
    }
    if (mayClose === 'application') {
      for (const connection of this.active()) {
        this.add(choices, 'option', `${connection.server.serverId} closes the client`, () => {
          this.mayClose = 'nobody';
          connection.close();
        });
      }
    }
    if (this.fault === undefined) this.addFaults(choices);
    for (const server of this.frozen) {
      if (server.clock.stopped) this.addSilence(choices, server);
    }
  }

  private addFaults(choices: Choice[]) {
    for (const kind of this.what.faults) {
      for (const { name, detail = '', perform } of kind(this)) {
        this.add(choices, 'option', `FAULT: ${name} ${detail}`, () => {
          this.fault = name;
          perform();
        });
      }
    }
  }

  /** The relay may notice that nothing comes from a server that stands still. */
  private addSilence(choices: Choice[], { wires }: SmallServer) {
    for (const { name, relay } of wires) {
      if (relay.ended) continue;
      this.add(choices, 'option', `relay hears nothing on ${name}`, () =>
        relay.timeOut('nothing heard'),
      );
    }
  }

  private endTurns() {
    this.relayClock.endTurn();
    for (const { clock } of this.servers) if (!clock.stopped) clock.endTurn();
  }

  private isSuspect(wire: Wire): boolean {
    return wire.broken || [...this.frozen].some(({ serverId }) => serverId === wire.serverId);
  }

  private checkTakeover(from: string) {
    const server = this.servers.find(({ serverId }) => serverId === from)!;
    const isLost = server.dead || this.frozen.has(server) || this.fault?.startsWith('time');
    if (!isLost) this.ledger.violate(4, `the client is taken from ${from}, which lives`);
  }
}
