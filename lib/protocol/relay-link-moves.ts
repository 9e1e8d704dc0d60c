import type { InboundQueue } from './inbound-queue.js';
import type { MigrateConnectionResponse } from './messages.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';
import type { RelayContext } from './relay-context.js';
import type { RelayLinkOwner } from './relay-link-owner.js';
import type { RelayLinkServers } from './relay-link-servers.js';
import { RelayMigration } from './relay-migration.js';
import type {
  MigratingLink,
  MigrationOwner,
  MigrationPlan,
  MigrationResult,
} from './relay-migration.js';
import { RelayReroute } from './relay-reroute.js';
import type { ReroutedLink, RerouteOwner, ReroutePlan, RerouteResult } from './relay-reroute.js';

/** Steps that a takeover may last. */
const TAKEOVER_STEPS = 3;

/** What {@link RelayLinkMoves} asks of its link. */
export interface MovedLink extends MigratingLink, ReroutedLink {
  /** Sends what may flow now. */
  forward(): void;
  /** A move is over: the connection ends when that was wanted meanwhile. */
  endIfWanted(): void;
  /** The connection can be moved again, unless it ends. */
  settled(): void;
  /** Neither the origin nor a target is left. */
  loseServer(reason: string): void;
}

/**
 * The moves of a connection, one at a time: to another hub server, by a migration or a takeover, or to
 * another service connection, by a reroute.
 */
export class RelayLinkMoves implements MigrationOwner, RerouteOwner {
  private migration: RelayMigration | undefined;
  private rerouting: RelayReroute | undefined;
  /** Number of the latest attempt, of either kind. */
  lastAttempt = 0;

  constructor(
    private readonly link: MovedLink,
    private readonly servers: RelayLinkServers,
    private readonly inbound: InboundQueue,
    private readonly context: RelayContext,
    private readonly owner: RelayLinkOwner,
  ) {}

  /** The attempt to move to another hub server that is under way. */
  get attempt(): RelayMigration | undefined {
    return this.migration;
  }

  get underWay(): boolean {
    return (this.migration ?? this.rerouting) !== undefined;
  }

  get isRerouting(): boolean {
    return this.rerouting !== undefined;
  }

  /** Whether what the client sends may go to the hub server that has the connection. */
  get flowing(): boolean {
    if (this.migration) return this.migration.flowing;
    return !this.rerouting || this.rerouting.paused;
  }

  /** Asks the hub server to let the connection move. */
  migrate(plan: MigrationPlan): void {
    this.begin(this.servers.current, plan);
  }

  /** The hub server is lost for good: others are asked to take over. */
  takeOver(): void {
    const deadline = this.link.clock.now() + TAKEOVER_STEPS * this.link.stepMs;
    this.begin(undefined, { reason: 'crash', deadline }).takeOver();
  }

  /** Asks the hub server to go on with another of its service connections. */
  reroute(plan: ReroutePlan): void {
    const { current } = this.servers;
    this.rerouting = new RelayReroute(this.link, this, current!, ++this.lastAttempt, plan);
  }

  onAnswer(answer: MigrateConnectionResponse): void {
    if (answer.attempt !== this.rerouting?.attempt) this.migration?.onOriginAnswer(answer);
    else this.rerouting.onAnswer(answer, this.inbound.forwarded);
  }

  /** Ends the migration because of the origin, which went away or came back. */
  cancel(reason: string): void {
    const result = this.migration?.cancel(reason);
    this.migration = undefined;
    this.context.stay();
    if (result) this.owner.migrationEnded(result);
  }

  /** @param reason that of the plan when absent */
  endReroute(outcome: RerouteResult['outcome'], reason?: string): void {
    this.rerouting?.end(outcome, reason);
  }

  progressed(): void {
    this.link.forward();
    this.owner.migrationProgressed();
  }

  originReady(answer: MigrateConnectionResponse, flowed: boolean): void {
    const fault = this.inbound.faultOf(answer, flowed);
    if (fault) this.servers.current?.fail(`ready with ${fault}`);
    this.inbound.release(answer.handled, []);
    this.context.depart(answer.context);
  }

  moved(target: RelayBinding, origin: RelayBinding | undefined, result: MigrationResult): void {
    this.servers.moveTo(target, origin, result);
    this.context.moved();
    // What the origin had received and not handed to its handlers goes to the target.
    this.inbound.rewind();
    this.settle(result);
    if (this.servers.leftId === undefined) this.link.settled();
  }

  stayed(result: MigrationResult): void {
    this.context.stay();
    this.settle(result);
  }

  lost(result: MigrationResult): void {
    this.migration = undefined;
    this.owner.migrationEnded(result);
    // The server that was given up may be back: its answer decides.
    if (this.servers.answerAwaited) return;
    this.link.loseServer(result.reason === 'refused' ? 'takeoverRefused' : 'serverLost');
  }

  leaveFor(target: BindingTarget, attempt: number, reason: string): void {
    this.servers.leaveFor(target, attempt, reason);
    this.link.forward();
  }

  rerouteEnded(result: RerouteResult): void {
    this.rerouting = undefined;
    this.link.forward();
    this.owner.rerouted(result);
    this.link.endIfWanted();
  }

  private begin(origin: RelayBinding | undefined, plan: MigrationPlan): RelayMigration {
    const { serverId } = this.servers.stream!;
    const attempt = ++this.lastAttempt;
    const migration = new RelayMigration(this.link, this, origin, serverId, attempt, plan);
    this.migration = migration;
    this.progressed();
    return migration;
  }

  /** After a migration: what was held goes to the server that has the connection now. */
  private settle(result: MigrationResult) {
    this.migration = undefined;
    this.link.forward();
    this.owner.migrationEnded(result);
    this.link.endIfWanted();
  }
}
