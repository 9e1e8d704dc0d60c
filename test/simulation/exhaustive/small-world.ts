import { RelayCore } from '../../../lib/relay/relay-core.js';
import { leastConnections } from '../../../lib/relay/least-connections.js';
import { Ledger } from '../ledger.js';
import { SeededRandom } from '../random.js';
import type { Choice } from './search.js';
import { SmallChoices } from './small-choices.js';
import { SmallClient } from './small-client.js';
import { SmallServer } from './small-server.js';
import type { SmallConnection } from './small-server.js';
import { SmallTap } from './small-tap.js';
import { hashOfState } from './state-hash.js';
import { ProcessClock, StepClock } from './step-clock.js';
import { Wire } from './wire.js';

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
  /** Results of the first message, which can stop and go on elsewhere; 0: it is like the others. */
  readonly batch: number;
  /** Whether a process may do more before what it sent leaves, as in one turn of an event loop. */
  readonly coalesce: boolean;
  /** What was done before the search begins. */
  prepare(world: SmallWorld): void;
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
  /** The hub server that stands still. */
  frozen: SmallServer | undefined;
  /** A hub server stood still until the relay gave it up. */
  wasFrozen = false;
  /** Time passed while an end did not know yet that its service connection was lost. */
  waitedBlindly = false;
  operated = false;
  pushesLeft: number;
  mayClose: SmallCase['mayClose'];

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
        migrationRequestMs: 30_000,
        contextTotalBytes: 1 << 20,
        route: leastConnections,
      },
      relayClock,
      new SeededRandom(1),
      { fault: (error) => ledger.violate(5, `the relay threw ${String(error)}`) },
    );
    for (const name of what.servers) {
      const server = new SmallServer(
        name,
        what.serial,
        what.batch,
        new ProcessClock(clock),
        ledger,
      );
      this.servers.push(server);
      for (let i = 0; i < what.ingresses.length; i++) this.dial(server);
    }
    this.client = new SmallClient(this.relay, ledger);
    if (what.batch > 0) this.client.side.requests.set(1, what.batch);
    this.endTurns();
    this.settle();
    for (const prepare of [() => this.client.connect(), () => what.prepare(this)]) {
      this.act(prepare);
      this.settle();
    }
  }

  get violations(): readonly string[] {
    return this.ledger.violations;
  }

  /** Everything that can happen now, in a fixed order. */
  choices(): Choice[] {
    return new SmallChoices(this).list;
  }

  /** Something happens, in a turn of its own or as part of a longer one. */
  perform(name: string, action: () => void): void {
    this.ledger.trace(() => `* ${name}`);
    try {
      action();
    } catch (error) {
      this.ledger.violate(5, `${name}: ${(error as Error).stack ?? String(error)}`);
    }
    if (!this.what.coalesce) this.endTurns();
  }

  fingerprint(): number {
    const { clock, client, ledger, relay, servers, wires, tap, fault } = this;
    const { operated, pushesLeft, mayClose, waitedBlindly } = this;
    const { clients, connections, handled } = ledger;
    const state = { clock, client, clients, connections, handled, relay, servers, wires, tap };
    const past = { fault, operated, pushesLeft, mayClose, waitedBlindly };
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
    this.frozen = server;
    this.wasFrozen = true;
  }

  /** The hub server that stood still goes on. */
  thaw(): void {
    this.frozen!.clock.stopped = false;
    this.frozen = undefined;
  }

  /** Something happens outside of any choice. */
  act(what: () => void): void {
    what();
    this.endTurns();
  }

  dial(server: SmallServer) {
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

  private endTurns() {
    this.relayClock.endTurn();
    for (const { clock } of this.servers) if (!clock.stopped) clock.endTurn();
  }

  private isSuspect({ broken, serverId }: Wire): boolean {
    return broken || this.fault === `standstill of ${serverId}`;
  }

  private checkTakeover(from: string) {
    const server = this.servers.find(({ serverId }) => serverId === from)!;
    const isLost = server.dead || this.wasFrozen || this.fault === 'time runs away';
    if (!isLost) this.ledger.violate(4, `the client is taken from ${from}, which lives`);
  }
}
