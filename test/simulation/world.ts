import { RelayCore } from '../../lib/relay/relay-core.js';
import type { HubServerEntry } from '../../lib/relay/hub-server-entry.js';
import { leastConnections } from '../../lib/relay/least-connections.js';
import type { ServerSelector } from '../../lib/protocol/messages.js';
import { ContextOracle } from './context-oracle.js';
import { Ledger } from './ledger.js';
import { SeededRandom } from './random.js';
import { RequestOracle } from './request-oracle.js';
import { isCalm } from './scenario.js';
import type { Roll, Scenario } from './scenario.js';
import { SimulatedClient } from './simulated-client.js';
import { SimulatedIngresses } from './simulated-ingresses.js';
import { SimulatedRequests } from './simulated-requests.js';
import { SimulatedServer } from './simulated-server.js';
import { VirtualClock } from './virtual-clock.js';

/** A relay, its hub servers and its clients, on one clock and one source of random numbers. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly ledger: Ledger;
  readonly relay: RelayCore;
  readonly ingresses: SimulatedIngresses;
  readonly clients: SimulatedClient[] = [];
  readonly servers: SimulatedServer[] = [];
  readonly contexts = new ContextOracle(this);
  readonly requests = new RequestOracle(this);
  readonly isCalm: boolean;
  /** Clients by connectionId. */
  readonly clientOf = new Map<string, number>();
  /** Attempts to move that are under way, by client. */
  readonly attempts = new Map<number, number>();
  /** When each server lost a service connection for the last time, at the relay. */
  private readonly sessionsEnded = new Map<string, number>();

  constructor(
    readonly scenario: Scenario,
    onTrace?: (line: string) => void,
  ) {
    this.isCalm = isCalm(scenario);
    this.random = new SeededRandom(scenario.seed ^ 0x5bd1e995);
    this.ledger = new Ledger(() => this.clock.now(), onTrace);
    this.relay = new RelayCore(
      {
        ...scenario.relayLimits,
        stepMs: scenario.stepMs,
        holdUpgradeMs: 800,
        handshakeTimeoutMs: 1500,
        hubReconnectGraceMs: scenario.graceMs,
        ingresses: [],
        lastIngress: scenario.lastIngress,
        migrationsPerSecond: scenario.migrationsPerSecond,
        migrationRequestMs: scenario.requestMs,
        contextTotalBytes: 1 << 20,
        route: leastConnections,
      },
      this.clock,
      this.random,
      {
        fault: (error) => this.ledger.violate(5, `the relay threw ${String(error)}`),
        sessionEnded: (serverId) => this.sessionsEnded.set(serverId, this.clock.now()),
        serverLeft: (server) => this.givenUp(server),
      },
    );
    this.ingresses = new SimulatedIngresses(this);
    for (let i = 0; i < scenario.servers; i++) this.addServer();
    for (let i = 0; i < scenario.clients; i++) {
      const client = new SimulatedClient(this, i);
      this.clients.push(client);
      this.clock.after(this.random.int(0, 200), () => client.connect());
      if (this.random.chance(scenario.clientLeaves / 10)) {
        this.clock.after(this.random.int(200, 300), () => client.leave(true));
      }
    }
    for (const roll of scenario.rolls) this.clock.after(roll.at, () => this.roll(roll));
    this.planFaults();
    new SimulatedRequests(this).plan();
  }

  /** From now on no fault happens: what is there must work. */
  calmDown(): void {
    const { scenario } = this;
    scenario.overrun = scenario.refuse = scenario.silent = scenario.targetDies = 0;
    scenario.serverCloses = 0;
  }

  isDead(serverId: string): boolean {
    return this.servers.find((it) => it.serverId === serverId)!.dead;
  }

  /** A hub server, which may be gone or unknown. */
  anyServer(): ServerSelector {
    const { random } = this;
    const { serverId, version } = random.pick(this.servers);
    return random.pick([
      { serverId },
      { serverId },
      { serverName: serverId },
      { version },
      { serverId: 'nobody' },
    ]);
  }

  private addServer(version = '1') {
    const name = `server-${String.fromCharCode(65 + (this.servers.length % 26))}`;
    this.ledger.trace(() => `${name} starts, version ${version}`);
    this.servers.push(new SimulatedServer(this, name, version));
  }

  private roll(roll: Roll) {
    const { isRollout } = this.scenario;
    const running = this.servers.filter((it) => it.running && !(isRollout && it.version === '2'));
    if (running.length === 0) return;
    const old = this.random.pick(running);
    if (roll.replacement === 'before') this.addServer(roll.version);
    // In a rollout the old one goes when the new one is there.
    this.clock.after(this.random.int(0, 60) + (isRollout ? 5 * this.scenario.maxDelay : 0), () => {
      if (old.running) old.shutDown(roll);
    });
    if (roll.replacement === 'after') {
      this.clock.after(this.random.int(60, 400), () => this.addServer(roll.version));
    }
  }

  private planFaults() {
    const { clock, random, scenario } = this;
    const perhaps = (probability: number, fault: (server: SimulatedServer) => void) => {
      if (!random.chance(probability)) return;
      clock.after(random.int(0, scenario.activeMs), () => {
        const alive = this.servers.filter(({ dead, state }) => !dead && state !== 'stopped');
        if (alive.length > 0) fault(random.pick(alive));
      });
    };
    perhaps(scenario.serverDies, (server) => server.die('server died'));
    for (let i = 0; i < 3; i++) {
      perhaps(scenario.cutSession, (server) => server.loseTransport('cut'));
    }
    perhaps(scenario.halfOpen, (server) => server.loseTransport('halfOpen'));
    perhaps(scenario.halfOpen, (server) => server.loseTransport('halfOpen'));
    perhaps(scenario.stallSession, (server) => server.loseTransport('stall'));
    perhaps(scenario.loseAll, (server) => server.loseAll(0));
    perhaps(scenario.freeze, (server) =>
      server.loseAll(scenario.graceMs + random.int(100, 1000) + 3 * scenario.maxDelay),
    );
  }

  /** The relay opens the client's connection on another server: the one before is out of the game. */
  takenOver(client: number, from: string): void {
    const { ledger, scenario } = this;
    ledger.count('takeover tried');
    ledger.clients[client]!.departed = true;
    if (scenario.level !== 'any') ledger.violate(4, `client ${client} may not be taken over`);
    const server = this.servers.find(({ serverId }) => serverId === from)!;
    // It may have been given up three steps ago, when there was no other one.
    if (!server.isSuspect(4)) ledger.violate(4, `client ${client} was taken from ${from}`);
  }

  /** Another server has the client. */
  replaced(client: number, from: string): void {
    this.ledger.count('taken over');
    for (const side of this.ledger.connections) {
      if (side.client === client && side.serverId === from) side.lost = true;
    }
  }

  private givenUp({ serverId, connections }: HubServerEntry) {
    const leftIt = [...this.relay.connections.values()].filter((it) => it.isLeaving(serverId));
    // Their last words are not waited for any more.
    for (const { connectionId } of leftIt)
      this.cutShort(this.clientOf.get(connectionId)!, serverId);
    if (connections.size + leftIt.length === 0) return;
    const server = this.servers.find((it) => it.serverId === serverId)!;
    server.givenUp = true;
    this.ledger.count('server given up');
    const away = this.clock.now() - this.sessionsEnded.get(serverId)!;
    if (server.running && away < this.scenario.graceMs) {
      this.ledger.violate(4, `${serverId} is given up after ${away} ms`);
    }
  }

  /** What the server has sent to the client last may be missing. */
  cutShort(client: number, serverId: string) {
    for (const side of this.ledger.connections) {
      if (side.client === client && side.serverId === serverId) side.cutShort = true;
    }
  }
}
