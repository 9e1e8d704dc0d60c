import type { Timer } from '../protocol/clock.js';
import type { CommandResult, ServerSelector } from '../protocol/messages.js';
import type { MigrationPlan, MigrationResult } from '../protocol/relay-migration.js';
import type { ClientConnection } from './client-connection.js';
import { countedReason } from './failure-reasons.js';
import { NO_MIGRATION, stateAfter, viewAttempt, viewResult } from './migration-view.js';
import type { MigrationView } from './migration-view.js';
import type { RelayCore } from './relay-core.js';
import { count } from './relay-stats.js';
import { fits } from './server-selector.js';

/** What may be said with a request. */
export interface MigrationOrder {
  /** To which hub server; to any other when absent. */
  readonly to?: ServerSelector | undefined;
  /** Time for the migration in milliseconds; `relay.migrationRequestMs` when absent. */
  readonly deadlineMs?: number | undefined;
  /** Why; `requested` when absent. */
  readonly reason?: string | undefined;
}

/** What came of a request, and how far the migration is now. */
export interface MigrationReply extends MigrationView {
  result: CommandResult;
  /** serverId of the hub server that has the connection. */
  server?: string;
}

/** A request for a connection that cannot be asked now. */
interface Waiting {
  readonly plan: MigrationPlan;
  readonly timer: Timer;
}

const UNKNOWN: Readonly<MigrationReply> = { ...NO_MIGRATION, result: 'unknown' };

/**
 * Moves single connections because somebody asks for it, lets them stay, and says how far they are;
 * remembers and tells how all migrations go.
 */
export class MigrationRequests {
  private readonly waiting = new Map<ClientConnection, Waiting>();

  constructor(private readonly relay: RelayCore) {}

  /**
   * Asks for a migration; one that is asked for already gets the new target, deadline and reason. A
   * connection that is about to arrive somewhere is asked when it has.
   */
  request(connectionId: string, order: MigrationOrder = {}): MigrationReply {
    const connection = this.find(connectionId);
    if (!connection) return UNKNOWN;
    const { clock, options } = this.relay;
    const { deadlineMs = options.migrationRequestMs, reason = 'requested' } = order;
    const to = isAny(order.to) ? undefined : order.to;
    const refusal = this.refusalOf(connection, to);
    if (refusal) return this.reply(connection, refusal);
    this.drop(connection);
    const plan = { reason, deadline: clock.now() + deadlineMs, to };
    if (!begin(connection, plan)) this.wait(connection, plan, deadlineMs);
    return this.reply(connection, 'ok');
  }

  /** Takes a request back, whoever made it. */
  cancel(connectionId: string): MigrationReply {
    const connection = this.find(connectionId);
    if (!connection) return UNKNOWN;
    if (this.waiting.has(connection)) this.giveUp(connection, 'cancelled');
    else if (!connection.attempt) return this.reply(connection, 'nothingToCancel');
    else if (!connection.attempt.withdraw()) return this.reply(connection, 'tooLate');
    return this.reply(connection, 'ok');
  }

  state(connectionId: string): MigrationReply {
    const connection = this.find(connectionId);
    return connection ? this.reply(connection, 'ok') : UNKNOWN;
  }

  viewOf(connection: ClientConnection): MigrationView {
    const { attempt, lastMigration } = connection;
    if (attempt) return viewAttempt(attempt);
    const waiting = this.viewWaiting(connection);
    return waiting ? { ...waiting, waitsFor: 'arrival' } : (lastMigration ?? NO_MIGRATION);
  }

  /** The migration under way has another state, or waits for something else. */
  progressed(connection: ClientConnection): void {
    this.tell(connection);
  }

  /** A migration is over, whoever asked for it. */
  ended(connection: ClientConnection, result: MigrationResult): void {
    const { outcome } = result;
    connection.lastMigration = viewResult(result);
    if (outcome === 'moved') {
      this.relay.counters.migrations++;
      connection.lastFailure = undefined;
    } else if (outcome === 'failed') {
      this.countFailure(connection, result.reason);
    }
    this.relay.migrationEvents.emit(connection.connectionId, () => connection.lastMigration!);
  }

  /** The connection may have arrived: what waits for that goes on. */
  settled(connection: ClientConnection): void {
    if (this.waiting.has(connection)) this.relay.clock.defer(() => this.resume(connection));
  }

  /** Nobody is left who could be moved. */
  clientGone(connection: ClientConnection): void {
    if (this.waiting.has(connection)) this.giveUp(connection, 'clientClosed');
  }

  private find(connectionId: string): ClientConnection | undefined {
    const connection = this.relay.connections.get(connectionId);
    return connection?.served ? connection : undefined;
  }

  private refusalOf(
    connection: ClientConnection,
    to: ServerSelector | undefined,
  ): Exclude<CommandResult, 'ok'> | undefined {
    const { attempt, currentLink, serverId = '' } = connection;
    if (currentLink?.phase === 'closing') return 'closing';
    if (attempt && attempt.state !== 'requested') return 'tooLate';
    if (!connection.mayBeMoved) return 'notMigratable';
    const server = this.relay.server(serverId);
    if (to && server && fits(server, to)) return 'alreadyThere';
    return this.relay.hasTarget(connection, new Set([serverId]), to) ? undefined : 'noTarget';
  }

  private wait(connection: ClientConnection, plan: MigrationPlan, deadlineMs: number) {
    const { clock } = this.relay;
    const timer = clock.setTimer(() => this.giveUp(connection, 'deadline'), deadlineMs);
    this.waiting.set(connection, { plan, timer });
    this.tell(connection);
  }

  private resume(connection: ClientConnection) {
    const waiting = this.waiting.get(connection);
    if (!waiting) return;
    const { moving, attempt } = connection;
    if (moving && attempt?.state !== 'requested') return;
    const refusal = this.refusalOf(connection, waiting.plan.to);
    if (refusal) this.giveUp(connection, refusal);
    else if (begin(connection, waiting.plan)) this.drop(connection);
  }

  /** What waits will not be. One that is where it was to go has what it wanted. */
  private giveUp(connection: ClientConnection, reason: string) {
    const view = this.viewWaiting(connection)!;
    this.drop(connection);
    // The next one has a number of its own, for those who follow this one.
    connection.currentLink?.skipAttempt(view.attempt);
    const state = reason === 'alreadyThere' ? 'none' : stateAfter(reason);
    connection.lastMigration = { ...view, state, reason };
    if (state !== 'none') this.countFailure(connection, reason);
    this.tell(connection);
  }

  private countFailure(connection: ClientConnection, reason: string) {
    connection.lastFailure = countedReason(reason);
    count(this.relay.counters.failedMigrations, connection.lastFailure);
  }

  private drop(connection: ClientConnection) {
    this.relay.clock.clearTimer(this.waiting.get(connection)?.timer);
    this.waiting.delete(connection);
  }

  private tell(connection: ClientConnection) {
    const { connectionId } = connection;
    this.relay.migrationEvents.emit(connectionId, () => this.viewOf(connection));
  }

  private viewWaiting(connection: ClientConnection): MigrationView | undefined {
    const waiting = this.waiting.get(connection);
    if (!waiting) return undefined;
    const { reason, to } = waiting.plan;
    const { serverId, currentLink } = connection;
    return {
      state: 'requested',
      attempt: (currentLink?.lastAttempt ?? 0) + 1,
      reason,
      ...(serverId !== undefined && { from: serverId }),
      ...(to && { to }),
    };
  }

  private reply(connection: ClientConnection, result: CommandResult): MigrationReply {
    const { serverId } = connection;
    const server = serverId === undefined ? {} : { server: serverId };
    return { result, ...server, ...this.viewOf(connection) };
  }
}

/** Whether every hub server fits. */
function isAny({ serverId, serverName, version }: ServerSelector = {}): boolean {
  return (serverId ?? serverName ?? version) === undefined;
}

/** @returns false when the connection cannot be asked now */
function begin(connection: ClientConnection, plan: MigrationPlan): boolean {
  return connection.attempt?.replan(plan) ?? connection.migrate(plan);
}
