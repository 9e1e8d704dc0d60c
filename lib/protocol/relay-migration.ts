import type { Clock, Timer } from './clock.js';
import type {
  MigrateConnectionProgress,
  MigrateConnectionResponse,
  MigrationInfo,
  MigrationState,
  OpenConnectionResponse,
  ServerSelector,
} from './messages.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';

/** Why, until when and to where a connection is to be moved. */
export interface MigrationPlan {
  /** `shutdown` and so on; gateways read it as `client.migration.reason`. */
  reason: string;
  /** When the attempt must be over, on the clock of the relay. */
  deadline: number;
  /** To which hub server; to any other when absent. */
  to?: ServerSelector | undefined;
}

/** The result of one migration attempt. */
export interface MigrationResult {
  /** `moved` to another server, `failed` and stayed, or `ended` with the connection. */
  outcome: 'moved' | 'failed' | 'ended';
  /** Why: the plan's reason, `noTarget`, `refused`, `deadline`, …, or what the origin said. */
  reason: string;
  attempt: number;
  from: string;
  to?: string;
  /** To which hub server it was to move, when that was asked for. */
  wanted?: ServerSelector;
  /** What the last target said that refused, or what was waited for when time was up. */
  detail?: string;
}

/** A migration attempt that is under way. */
export interface MigrationAttempt {
  readonly state: Extract<MigrationState, 'requested' | 'ready' | 'migrating'>;
  readonly attempt: number;
  readonly plan: Readonly<MigrationPlan>;
  /** serverId of the origin. */
  readonly from: string;
  /** What keeps the connection from leaving, as the origin says. */
  readonly waitsFor: string | undefined;
  /** What the last target said that refused, or what was waited for when time was up. */
  readonly detail: string | undefined;
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
  selectTarget(excluded: ReadonlySet<string>, to?: ServerSelector): BindingTarget | undefined;
}

/** One that hears how a migration goes. */
export interface MigrationOwner {
  /**
   * The origin has handled this many messages and is paused.
   * @param flowed whether messages may have been sent that it had not received by then
   */
  originReady(answer: MigrateConnectionResponse, flowed: boolean): void;
  /** The attempt has another state, or what it waits for has changed. */
  progressed(): void;
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
export class RelayMigration implements MigrationAttempt {
  waitsFor: string | undefined;
  detail: string | undefined;
  /** Whether inbound is to flow although the origin is asked to leave. */
  flowing = false;
  private flowed = false;
  private target: RelayBinding | undefined;
  /** The application has the last word: nobody else can stop the attempt. */
  private announced = false;
  private ready = false;
  private over = false;
  private readonly excluded: Set<string>;
  private lastFailure = 'noTarget';
  private deadlineTimer: Timer;
  private stepTimer: Timer | undefined;

  constructor(
    private readonly link: MigratingLink,
    private readonly owner: MigrationOwner,
    /** Undefined when the origin is lost: the connection is taken over. */
    private readonly origin: RelayBinding | undefined,
    readonly from: string,
    readonly attempt: number,
    private current: MigrationPlan,
  ) {
    this.excluded = new Set([from]);
    this.ready = origin === undefined;
    this.ask();
  }

  get plan(): Readonly<MigrationPlan> {
    return this.current;
  }

  get state(): MigrationAttempt['state'] {
    if (this.ready) return 'migrating';
    return this.announced ? 'ready' : 'requested';
  }

  /** Has the attempt go on with another plan. @returns false when it is too late for that */
  replan(plan: MigrationPlan): boolean {
    if (this.over || this.state !== 'requested') return false;
    this.link.clock.clearTimer(this.deadlineTimer);
    this.current = plan;
    this.ask();
    this.owner.progressed();
    return true;
  }

  /** Ends the attempt since it is not wanted any more. @returns false when it is too late for that */
  withdraw(): boolean {
    return !this.over && this.state === 'requested' && this.rollBack('cancelled');
  }

  onProgress({ attempt, state, waitsFor, flow = false }: MigrateConnectionProgress): void {
    if (attempt !== this.attempt || this.ready || this.over) return;
    const isWaiting = state === 'waiting';
    this.announced = !isWaiting;
    this.waitsFor = isWaiting ? waitsFor : undefined;
    this.flowing = isWaiting && flow;
    this.flowed ||= this.flowing;
    this.owner.progressed();
  }

  onOriginAnswer(answer: MigrateConnectionResponse): void {
    if (answer.attempt !== this.attempt || this.over) return;
    if (this.ready) this.origin?.fail('MigrateConnectionResponse a second time');
    this.flowing = false;
    if (!answer.ready) {
      this.finish();
      this.owner.stayed(this.result('failed', answer.reason || 'refusedByOrigin'));
      return;
    }
    this.owner.originReady(answer, this.flowed);
    this.ready = true;
    this.waitsFor = undefined;
    if (answer.to) this.current = { ...this.current, to: answer.to };
    this.owner.progressed();
    this.tryNext();
  }

  /** @returns whether the binding is this migration's target */
  onTargetAnswer(binding: RelayBinding, answer: OpenConnectionResponse): boolean {
    if (binding !== this.target || this.over) return false;
    this.link.clock.clearTimer(this.stepTimer);
    if (!answer.accepted) {
      this.lastFailure = 'refused';
      this.detail = answer.reason;
      binding.release();
      this.tryNext();
      return true;
    }
    const { reason } = this.current;
    this.finish();
    this.acknowledge('committed', binding.serverId, reason);
    this.owner.moved(binding, this.origin, {
      ...this.result('moved', reason),
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
    this.owner.stayed(this.result(outcome, reason));
    return true;
  }

  /** The deadline has come: the origin keeps the connection, if there is one. */
  expire(): void {
    if (!this.ready) this.detail = this.waitsFor;
    if (this.rollBack(this.ready ? 'deadline' : 'handlerRunning')) return;
    if (!this.target) this.giveUp();
  }

  /** serverId of the target, if one is asked. */
  get targetId(): string | undefined {
    return this.target?.serverId;
  }

  /** Ends the attempt without an origin; the target hears a true disconnect. */
  abandon(code: number, reason: string): void {
    this.finish();
    this.target?.close(code, reason);
    this.owner.lost(this.result('ended', reason));
  }

  /** Begins a takeover. */
  takeOver(): void {
    this.tryNext();
  }

  /** Asks the origin, if there is one, and starts the deadline. */
  private ask() {
    const { clock } = this.link;
    const { reason, deadline, to } = this.current;
    const left = Math.max(0, deadline - clock.now());
    this.deadlineTimer = clock.setTimer(() => this.expire(), left);
    const request = { kind: 'migrate', attempt: this.attempt, reason } as const;
    this.origin?.requestMigration({
      ...request,
      deadlineMs: Math.round(left),
      ...(to && { to }),
    });
  }

  private giveUp() {
    this.finish();
    this.owner.lost(this.result('ended', this.lastFailure));
  }

  private tryNext() {
    this.target = undefined;
    const { deadline, reason, to } = this.current;
    const expired = this.link.clock.now() >= deadline;
    const next = expired ? undefined : this.link.selectTarget(this.excluded, to);
    if (!next) {
      if (this.rollBack(expired ? 'deadline' : this.lastFailure)) return;
      if (expired) this.giveUp();
      else this.stepTimer = this.link.clock.setTimer(() => this.retry(), RETRY_MS);
      return;
    }
    this.excluded.add(next.serverId);
    const { from: server, attempt } = this;
    this.target = this.link.openOn(next, { server, reason, attempt });
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
    const { attempt, detail, link } = this;
    const isCommitted = outcome === 'committed';
    this.origin?.acknowledgeMigration({
      attempt,
      outcome,
      server,
      reason,
      epoch: isCommitted ? link.lastEpoch : link.nextEpoch(),
      ...(!isCommitted && detail !== undefined && { detail }),
    });
  }

  private finish() {
    this.over = true;
    this.link.clock.clearTimer(this.deadlineTimer);
    this.link.clock.clearTimer(this.stepTimer);
  }

  private result(outcome: MigrationResult['outcome'], reason: string): MigrationResult {
    const { attempt, from, detail } = this;
    const { to: wanted } = this.current;
    const hasDetail = outcome !== 'moved' && detail !== undefined;
    return {
      outcome,
      reason,
      attempt,
      from,
      ...(wanted && { wanted }),
      ...(hasDetail && { detail }),
    };
  }
}
