import type { Clock, Timer } from '../protocol/clock.js';
import type { ClientConnection } from './client-connection.js';
import type { HubServerEntry } from './hub-server-entry.js';
import { PACE_MS, Pacer } from './pacer.js';
import { count } from './relay-stats.js';
import type { RelayCounters } from './relay-stats.js';

/** What a drain needs from its relay. */
export interface DrainHost {
  readonly clock: Clock;
  readonly counters: RelayCounters;
  readonly options: { migrationsPerSecond: number };
  hasTarget(connection: ClientConnection, excluded: ReadonlySet<string>): boolean;
}

/**
 * Moves the clients of a hub server that shuts down: at the configured rate, or faster when the
 * deadline asks for it; again after a failed attempt; what is left at the deadline is closed with 1012.
 */
export class ServerDrain {
  private readonly endpoints = new Set<string>();
  private readonly excluded: ReadonlySet<string>;
  private readonly deadlineTimer: Timer;
  private paceTimer: Timer | undefined;
  private readonly pacer: Pacer;
  /** The clients that were not looked at yet: with many of them, not all can be at each turn. */
  private round: Iterator<ClientConnection> | undefined;
  /** Whether clients that were looked at before can be tried again, after the others. */
  private again = false;
  private over = false;
  private expired = false;

  constructor(
    private readonly host: DrainHost,
    private readonly server: HubServerEntry,
    private readonly deadline: number,
  ) {
    this.excluded = new Set([server.serverId]);
    this.pacer = new Pacer(host.options.migrationsPerSecond);
    this.deadlineTimer = host.clock.setTimer(
      () => this.onDeadline(),
      Math.max(0, deadline - host.clock.now()),
    );
  }

  /** Adds endpoints whose clients are to be moved, and starts. */
  add(endpoints: readonly string[]): void {
    for (const endpoint of endpoints) this.endpoints.add(endpoint);
    this.wake();
  }

  /** Something changed: a client can be tried (again). */
  wake(): void {
    this.again = true;
    this.pumpIn(0);
  }

  stop(): void {
    this.over = true;
    this.host.clock.clearTimer(this.deadlineTimer);
    this.host.clock.clearTimer(this.paceTimer);
  }

  private pump() {
    this.paceTimer = undefined;
    if (this.expired) {
      this.closeLeft();
      return;
    }
    const { server, pacer } = this;
    pacer.refill(server.connectionsOf(this.endpoints), this.deadline - this.host.clock.now());
    const round = this.round ?? this.begin();
    while (pacer.allows) {
      const { done, value } = round.next();
      if (done) {
        this.round = undefined;
        if (this.again) this.pumpIn(PACE_MS);
        return;
      }
      this.tryToMove(value);
    }
    this.pumpIn(PACE_MS);
  }

  private begin(): Iterator<ClientConnection> {
    this.again = false;
    return (this.round = this.server.connections.values());
  }

  private tryToMove(connection: ClientConnection) {
    if (!this.endpoints.has(connection.endpointName) || !connection.movable) return;
    if (!connection.migratable) {
      connection.lastFailure = 'notMigratable';
    } else if (this.host.hasTarget(connection, this.excluded)) {
      const plan = { reason: 'shutdown', deadline: this.deadline };
      if (connection.migrate(plan)) this.pacer.spend();
    }
  }

  private pumpIn(ms: number) {
    if (this.over || this.paceTimer !== undefined) return;
    this.paceTimer = this.host.clock.setTimer(() => this.pump(), ms);
  }

  private onDeadline() {
    this.expired = true;
    this.closeLeft();
  }

  /** Also for clients that come later: the server took them while it did not know yet. */
  private closeLeft() {
    for (const connection of this.mine()) {
      connection.attempt?.expire();
      const reason = connection.lastFailure ?? 'noTarget';
      count(this.host.counters.closedAtDeadline, reason);
      connection.forceClose(1012, reason);
    }
  }

  private mine(): ClientConnection[] {
    return [...this.server.connections].filter((it) => this.endpoints.has(it.endpointName));
  }
}
