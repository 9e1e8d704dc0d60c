import type { Clock, Timer } from './clock.js';
import type {
  MigrateConnectionResponse,
  MigrationInfo,
  OpenConnectionResponse,
} from './messages.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';

/** Why and until when a connection is to be moved. */
export interface MigrationPlan {
  /** `shutdown` and so on; gateways read it as `client.migration.reason`. */
  reason: string;
  /** When the attempt must be over, on the clock of the relay. */
  deadline: number;
}

/** The result of one migration attempt. */
export interface MigrationResult {
  /** `moved` to another server, `failed` and stayed, or `ended` with the connection. */
  outcome: 'moved' | 'failed' | 'ended';
  /** Why: the plan's reason, or `noTarget`, `refused`, `handlerRunning`, `deadline`, `clientClosed`, … */
  reason: string;
  from: string;
  to?: string;
}

/** What a migration asks of its link. */
export interface MigratingLink {
  readonly clock: Clock;
  /** Limit of one step in milliseconds. */
  readonly stepMs: number;
  openOn(target: BindingTarget, migration: MigrationInfo): RelayBinding;
  /** The epoch of the latest binding. */
  readonly lastEpoch: number;
  nextEpoch(): number;
  selectTarget(excluded: ReadonlySet<string>): BindingTarget | undefined;
  /** The origin has handled this many messages and is paused. */
  originReady(answer: MigrateConnectionResponse): void;
  moved(target: RelayBinding, origin: RelayBinding | undefined, result: MigrationResult): void;
  stayed(result: MigrationResult): void;
  /** Neither the origin nor a target is left. */
  lost(result: MigrationResult): void;
}

/** A takeover without a target tries again after this many milliseconds. */
const RETRY_MS = 250;

/**
 * One attempt to move a connection, seen from the relay: the origin is asked and gets to a safe
 * point, a target takes over, or the origin keeps the connection. A target that refuses, dies or
 * does not answer in time is followed by the next one.
 */
export class RelayMigration {
  private target: RelayBinding | undefined;
  private ready = false;
  private over = false;
  private readonly excluded: Set<string>;
  private lastFailure = 'noTarget';
  private readonly deadlineTimer: Timer;
  private stepTimer: Timer | undefined;

  constructor(
    private readonly link: MigratingLink,
    /** Undefined when the origin is lost: the connection is taken over. */
    private readonly origin: RelayBinding | undefined,
    private readonly from: string,
    private readonly attempt: number,
    private readonly plan: MigrationPlan,
  ) {
    this.excluded = new Set([from]);
    const left = Math.max(0, plan.deadline - link.clock.now());
    this.deadlineTimer = link.clock.setTimer(() => this.expire(), left);
    origin?.requestMigration('migrate', attempt, plan.reason, Math.round(left));
    this.ready = origin === undefined;
  }

  onOriginAnswer(answer: MigrateConnectionResponse): void {
    if (answer.attempt !== this.attempt || this.over) return;
    if (this.ready) this.origin?.fail('MigrateConnectionResponse a second time');
    if (!answer.ready) {
      this.finish();
      this.link.stayed(this.result('failed', 'refusedByOrigin'));
      return;
    }
    this.link.originReady(answer);
    this.ready = true;
    this.tryNext();
  }

  /** @returns whether the binding is this migration's target */
  onTargetAnswer(binding: RelayBinding, answer: OpenConnectionResponse): boolean {
    if (binding !== this.target || this.over) return false;
    this.link.clock.clearTimer(this.stepTimer);
    if (!answer.accepted) {
      this.lastFailure = 'refused';
      binding.release();
      this.tryNext();
      return true;
    }
    this.finish();
    this.acknowledge('committed', binding.serverId, this.plan.reason);
    this.link.moved(binding, this.origin, {
      ...this.result('moved', this.plan.reason),
      to: binding.serverId,
    });
    return true;
  }

  /** A binding is gone. @returns whether it is this migration's target */
  onLost(binding: RelayBinding): boolean {
    if (binding !== this.target || this.over) return false;
    this.link.clock.clearTimer(this.stepTimer);
    this.lastFailure = 'targetLost';
    this.tryNext();
    return true;
  }

  /**
   * Ends the attempt because of the origin, which went away or, during a takeover, came back. A
   * target hears that the connection went back.
   */
  cancel(reason: string): MigrationResult {
    this.finish();
    this.dropTarget(reason);
    return this.result('failed', reason);
  }

  /** A hub server lost the service connection on which it was asked to take over. */
  onReclaimed(serverId: string, epoch: number): void {
    const { target } = this;
    if (target?.serverId !== serverId || target.epoch !== epoch) return;
    target.release();
    this.onLost(target);
    target.target.lostByPeer();
  }

  /** A hub server joined: a takeover that waits for one can go on. */
  retry(): void {
    if (this.origin || this.target || this.over) return;
    this.link.clock.clearTimer(this.stepTimer);
    this.excluded.clear();
    this.excluded.add(this.from);
    this.tryNext();
  }

  /**
   * Ends the attempt; the origin keeps the connection.
   * @returns false when there is no origin any more, so that the target is the only one left
   */
  rollBack(reason: string, outcome: 'failed' | 'ended' = 'failed'): boolean {
    if (!this.origin) return false;
    this.finish();
    this.dropTarget(reason);
    this.acknowledge('rolledBack', this.from, reason);
    this.link.stayed(this.result(outcome, reason));
    return true;
  }

  /** The deadline has come: the origin keeps the connection, if there is one. */
  expire(): void {
    if (this.rollBack(this.ready ? 'deadline' : 'handlerRunning')) return;
    if (!this.target) this.giveUp();
  }

  /**
   * Ends the attempt without an origin; the target hears a true disconnect.
   * @returns serverId of the target, if there is one
   */
  abandon(code: number, reason: string): string | undefined {
    this.finish();
    this.target?.close(code, reason);
    this.link.lost(this.result('ended', reason));
    return this.target?.serverId;
  }

  /** Begins a takeover. */
  takeOver(): void {
    this.tryNext();
  }

  private giveUp() {
    this.finish();
    this.link.lost(this.result('ended', this.lastFailure));
  }

  private tryNext() {
    this.target = undefined;
    const expired = this.link.clock.now() >= this.plan.deadline;
    const next = expired ? undefined : this.link.selectTarget(this.excluded);
    if (!next) {
      if (this.rollBack(expired ? 'deadline' : this.lastFailure)) return;
      if (expired) this.giveUp();
      else this.stepTimer = this.link.clock.setTimer(() => this.retry(), RETRY_MS);
      return;
    }
    this.excluded.add(next.serverId);
    this.target = this.link.openOn(next, {
      server: this.from,
      reason: this.plan.reason,
      attempt: this.attempt,
    });
    this.stepTimer = this.link.clock.setTimer(() => this.onStepTimeout(), this.link.stepMs);
  }

  private onStepTimeout() {
    this.lastFailure = 'targetTimeout';
    this.dropTarget('targetTimeout');
    this.tryNext();
  }

  /** The target may have run its connect hooks: it hears that the connection went back. */
  private dropTarget(reason: string) {
    this.link.clock.clearTimer(this.stepTimer);
    this.target?.close(1012, reason, {
      server: this.from,
      reason: 'rolledBack',
      attempt: this.attempt,
    });
    this.target = undefined;
  }

  private acknowledge(outcome: 'committed' | 'rolledBack', server: string, reason: string) {
    this.origin?.acknowledgeMigration({
      attempt: this.attempt,
      outcome,
      server,
      reason,
      epoch: outcome === 'committed' ? this.link.lastEpoch : this.link.nextEpoch(),
    });
  }

  private finish() {
    this.over = true;
    this.link.clock.clearTimer(this.deadlineTimer);
    this.link.clock.clearTimer(this.stepTimer);
  }

  private result(outcome: MigrationResult['outcome'], reason: string): MigrationResult {
    return { outcome, reason, from: this.from };
  }
}
