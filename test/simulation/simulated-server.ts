import { HubCore } from '../../lib/hub/hub-core.js';
import type { HubApplication } from '../../lib/hub/hub-core.js';
import type { HubLinkOwner } from '../../lib/protocol/hub-link-owner.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import type { Endpoint, OpenConnection } from '../../lib/protocol/messages.js';
import { MoveOracle } from './move-oracle.js';
import type { Roll } from './scenario.js';
import { SimulatedConnection } from './simulated-connection.js';
import { SimulatedTransport } from './simulated-transport.js';
import type { World } from './world.js';

const FAULTS = { cut: 'cut', halfOpen: 'half open', stall: 'stalled' } as const;

const ENDPOINT = { port: 0, path: '/chat' };

/** A hub server: its core, its service connections, its application, and its shutdown. */
export class SimulatedServer implements HubApplication {
  readonly endpoints: Endpoint[];
  readonly core: HubCore;
  readonly connections: SimulatedConnection[] = [];
  /** The process is gone: nothing it would have done happens any more. */
  dead = false;
  state: 'running' | 'leaving' | 'stopped' = 'running';
  /** The relay does not expect it to return. */
  givenUp = false;
  private readonly transports: SimulatedTransport[] = [];
  private readonly moves = new WeakMap<HubLink, MoveOracle>();
  private awayUntil = 0;

  constructor(
    private readonly world: World,
    readonly serverId: string,
    readonly version: string,
  ) {
    const { clock, ledger, scenario } = world;
    this.endpoints = [{ ...ENDPOINT, level: scenario.level }];
    this.core = new HubCore(
      {
        serverId,
        serverName: serverId,
        version,
        startedAt: clock.now(),
        keepAliveMs: 500,
        deadAfterMs: 1600,
        handshakeTimeoutMs: 1500,
        finIntervalMs: 100,
        orphanMs: 5000,
        ...scenario.hubLimits,
      },
      this,
      clock,
      {
        fault: (error) => ledger.violate(5, `${serverId} threw ${String(error)}`),
        migrationChanged: (link, change) => this.movesOf(link).changed(change),
      },
    );
    for (let i = 0; i < scenario.serviceConnections; i++) this.connect(world.ingresses.pick(i));
  }

  get running(): boolean {
    return this.state === 'running' && !this.dead;
  }

  connect(ingress: string | undefined): void {
    if (this.dead || this.state === 'stopped') return;
    const { clock, random, relay, scenario } = this.world;
    const [atRelay, atHub] = SimulatedTransport.pair(this.world, this, ingress);
    this.transports.push(atHub);
    relay.attach(atRelay, { authenticatedAs: this.serverId, ingress });
    clock.after(random.int(0, scenario.maxDelay), () => {
      if (this.running && atHub.isOpen) this.core.attach(atHub);
      else atHub.cut();
    });
  }

  ackMode() {
    return this.world.scenario.ack;
  }

  open(message: OpenConnection, bind: (owner: HubLinkOwner) => HubLink): void {
    const { clock, ledger, random, scenario } = this.world;
    const connection = new SimulatedConnection(this.world, this, message);
    this.connections.push(connection);
    connection.link = bind(connection);
    ledger.trace(
      () =>
        `connection ${connection.side.key} is opened at ${this.serverId} for client ` +
        `${connection.side.client}, epoch ${message.epoch}, from message ${message.inbound + 1}`,
    );
    connection.start();
    const delay = random.chance(0.5) ? 0 : random.int(0, 40);
    if (message.migration) {
      if (random.chance(scenario.targetDies)) {
        clock.after(random.int(0, 30), () => this.die('target died'));
      }
      if (random.chance(scenario.silent)) {
        ledger.count('target does not answer');
        return;
      }
    }
    const refuses = random.chance(message.migration ? scenario.refuse : scenario.refuse / 4);
    const decide = () => (refuses ? connection.refuse() : connection.accept());
    if (delay === 0) decide();
    else clock.after(delay, decide);
  }

  /** The process is killed. */
  die(what: string): void {
    if (this.dead || this.state === 'stopped') return;
    this.world.ledger.count(what);
    this.world.ledger.trace(() => `${this.serverId} is killed`);
    this.dead = true;
    for (const connection of this.connections) connection.died();
    for (const transport of this.transports) transport.cut();
    this.core.stop();
  }

  /** One service connection fails. */
  loseTransport(fault: keyof typeof FAULTS): void {
    const { ledger, random } = this.world;
    const open = this.transports.filter((transport) => transport.isOpen);
    if (open.length === 0) return;
    ledger.count(`service connection ${FAULTS[fault]}`);
    ledger.trace(() => `a service connection of ${this.serverId} is ${FAULTS[fault]}`);
    const transport = random.pick(open);
    if (fault === 'halfOpen') transport.halfOpen(random.chance(0.5));
    else transport[fault]();
  }

  /** All service connections through an ingress are cut. */
  loseIngress(ingress: string): void {
    if (this.dead) return;
    for (const transport of this.transports) {
      if (transport.isOpen && transport.ingress === ingress) transport.cut();
    }
  }

  /** All service connections fail; the process lives on and returns after this time. */
  loseAll(awayMs: number): void {
    const { clock, ledger, scenario } = this.world;
    const late = awayMs > scenario.graceMs;
    ledger.count(`server away ${late ? 'too long' : 'for a while'}`);
    ledger.trace(() => `${this.serverId} is away for ${awayMs} ms`);
    this.awayUntil = clock.now() + awayMs;
    for (const transport of this.transports) if (transport.isOpen) transport.cut();
  }

  /** This end of a service connection is gone: it is dialled again, unless the server leaves. */
  transportEnded(): void {
    const { clock, random } = this.world;
    if (!this.running && !this.transports.some((it) => it.isOpen)) {
      for (const connection of this.connections) connection.cutOff();
    }
    const away = Math.max(0, this.awayUntil - clock.now());
    clock.after(away + random.int(0, 60), () => {
      if (this.running) this.connect(this.world.ingresses.pick());
    });
  }

  /**
   * Whether a relay has reason to give this server up, or not to get an answer from it.
   * @param steps how long ago that may have been
   */
  isSuspect(steps = 1): boolean {
    const { maxDelay, stepMs } = this.world.scenario;
    const within = steps * stepMs + 5 * maxDelay;
    return this.dead || this.givenUp || this.transports.some((it) => it.isSuspect(within));
  }

  /** Whether a service connection has failed without this server's knowledge. */
  get isBroken(): boolean {
    return this.transports.some((transport) => transport.isBroken);
  }

  /** The stages of a graceful shutdown, as a process would run them. */
  shutDown({ deadlineMs, stopFinMs }: Roll): void {
    const { clock, ledger } = this.world;
    this.state = 'leaving';
    ledger.trace(() => `${this.serverId} shuts down, clients must be gone in ${deadlineMs} ms`);
    let isOffline = false;
    this.core.setOffline(() => {
      if (this.dead) return;
      isOffline = true;
      ledger.trace(() => `${this.serverId} is offline`);
      this.core.drain(this.endpoints, deadlineMs);
      this.stopWhenEmpty(clock.now() + deadlineMs);
    });
    if (stopFinMs !== undefined) clock.after(stopFinMs, () => this.core.stopFin());
    clock.after(FIN_LIMIT_MS, () => {
      if (!isOffline && !this.dead) ledger.violate(5, `FIN of ${this.serverId} is never answered`);
    });
  }

  stop(): void {
    if (this.state === 'stopped' || this.dead) return;
    this.state = 'stopped';
    this.core.stop();
  }

  private movesOf(link: HubLink): MoveOracle {
    const moves = this.moves.get(link) ?? new MoveOracle(this.world, this.serverId);
    this.moves.set(link, moves);
    return moves;
  }

  private stopWhenEmpty(deadline: number) {
    const { clock, ledger, random, scenario } = this.world;
    const grace = scenario.stepMs + 4 * scenario.maxDelay + 50;
    const check = () => {
      if (this.dead) return;
      const left = this.core.connections.size;
      if (left === 0) ledger.count('drained');
      else if (clock.now() < deadline + grace) {
        clock.after(20, check);
        return;
      } else if (!this.isSuspect() && this.transports.some((it) => it.isOpen)) {
        ledger.violate(5, `${left} connections at ${this.serverId} after its deadline`);
      }
      clock.after(random.int(0, 100), () => this.stop());
    };
    check();
  }
}

/** FINs whose answers are all lost are sent this often at most, see `loseFinAck`. */
const FIN_LIMIT_MS = 6000;
