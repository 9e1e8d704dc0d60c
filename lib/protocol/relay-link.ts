import type { Clock, Timer } from './clock.js';
import type {
  ClientRequest,
  EndpointKey,
  MigrateConnectionResponse,
  MigrationInfo,
  OpenConnectionResponse,
  Payload,
} from './messages.js';
import { InboundQueue } from './inbound-queue.js';
import type { InboundLimits, InboundSource } from './inbound-queue.js';
import { RelayBinding } from './relay-binding.js';
import type { BindingEvents, BindingTarget, CloseCause } from './relay-binding.js';
import { RelayMigration } from './relay-migration.js';
import type { MigratingLink, MigrationPlan, MigrationResult } from './relay-migration.js';
import type { RetentionBudget } from './retention-budget.js';

export interface RelayLinkLimits extends InboundLimits {
  /** Limit of one step of a migration in milliseconds. */
  stepMs: number;
}

/** What a link needs from the relay. */
export interface RelayLinkOwner extends InboundSource {
  /** The first hub server accepted the client. */
  accepted(protocol: string): void;
  /** The hub server refused the client; the link is over. */
  refused(status: number, reason: string, headers: readonly string[]): void;
  /** The hub server is gone before it answered; the link is over. */
  serverLost(): void;
  /** Sends to the client; `taken` is to be called once its socket has taken the message. */
  deliver(data: Payload, binary: boolean, taken: () => void): void;
  pingClient(data: Uint8Array): void;
  pongClient(data: Uint8Array): void;
  /** Starts the closing handshake with the client (1006: cuts it); {@link RelayLink.clientClosed} ends it. */
  closeClient(code: number, reason: string): void;
  /** A hub server that can take this connection, none of `excluded`. */
  selectTarget(excluded: ReadonlySet<string>): BindingTarget | undefined;
  migrationEnded(result: MigrationResult): void;
  /** The connection has moved and can be moved again. */
  settled(): void;
  /** The link is over; nothing more will be called. */
  ended(): void;
}

type State = 'opening' | 'open' | 'closing' | 'ended';

/**
 * The relay's end of one client connection. It numbers and retains what the client sends, has it
 * served by one hub server at a time, and moves it by a {@link RelayMigration}.
 */
export class RelayLink implements BindingEvents, MigratingLink {
  private state: State = 'opening';
  private current: RelayBinding | undefined;
  private migration: RelayMigration | undefined;
  /** The server that was left, until it said that all it sent has been sent. */
  private leaving: RelayBinding | undefined;
  private leavingTimer: Timer;
  private readonly inbound: InboundQueue;
  private clientGone: CloseCause | undefined;
  private epoch = 0;
  private attempts = 0;
  private protocol = '';

  constructor(
    readonly connectionId: string,
    readonly endpoint: EndpointKey,
    private readonly request: ClientRequest,
    private readonly limits: RelayLinkLimits,
    budget: RetentionBudget,
    readonly clock: Clock,
    private readonly owner: RelayLinkOwner,
  ) {
    this.inbound = new InboundQueue(limits, budget, owner);
  }

  /** serverId of the hub server that serves the client. */
  get serverId(): string | undefined {
    return this.current?.serverId;
  }

  /** Whether a migration is under way. */
  get moving(): boolean {
    return this.migration !== undefined || this.leaving !== undefined;
  }

  /** Bytes of inbound messages retained. */
  get retainedBytes(): number {
    return this.inbound.bytes;
  }

  get stepMs(): number {
    return this.limits.stepMs;
  }

  /**
   * Opens the connection on its first hub server.
   * @param epoch the last epoch of this connection when it was opened elsewhere before
   */
  open(target: BindingTarget, epoch = 0): void {
    this.epoch = epoch;
    this.current = this.openOn(target);
  }

  /** A whole message from the client. */
  clientMessage(data: Payload, binary: boolean): void {
    if (this.state === 'ended' || this.clientGone) return;
    this.inbound.push(data, binary);
    this.forward();
    this.inbound.checkPressure();
  }

  clientPong(data: Uint8Array): void {
    if (this.state === 'open' && !this.migration) this.current?.pong(data);
  }

  /** The client's socket is gone. The hub server hears of it after all that the client sent. */
  clientClosed(code: number, reason: string): void {
    if (this.state === 'ended' || this.clientGone) return;
    this.clientGone = { code, reason };
    if (!this.migration) this.end();
    else this.migration.rollBack('clientClosed', 'ended');
  }

  /** Asks the hub server to let the connection move. @returns false when it cannot be asked now */
  migrate(plan: MigrationPlan): boolean {
    if (this.state !== 'open' || this.moving || !this.current || this.clientGone) return false;
    this.migration = new RelayMigration(this, this.current, ++this.attempts, plan);
    return true;
  }

  /** The deadline of a migration under way has come. */
  expireMigration(): void {
    this.migration?.expire();
  }

  /** Ends the connection at once: the client is closed with the code, the hub server told. */
  forceClose(code: number, reason: string): void {
    if (this.state === 'ended') return;
    const first = !this.clientGone;
    this.clientGone ??= { code, reason };
    if (first && this.state !== 'opening') this.owner.closeClient(code, reason);
    if (!this.migration) this.end();
    else if (!this.migration.rollBack(reason, 'ended')) this.migration.abandon(code, reason);
  }

  selectTarget(excluded: ReadonlySet<string>): BindingTarget | undefined {
    return this.owner.selectTarget(excluded);
  }

  openOn(target: BindingTarget, migration?: MigrationInfo): RelayBinding {
    const binding = new RelayBinding(target, this, migration !== undefined);
    binding.open({
      connectionId: this.connectionId,
      epoch: this.nextEpoch(),
      ...this.endpoint,
      request: this.request,
      inbound: this.inbound.acknowledged,
      ...(migration && { migration, protocol: this.protocol }),
    });
    return binding;
  }

  get lastEpoch(): number {
    return this.epoch;
  }

  nextEpoch(): number {
    return ++this.epoch;
  }

  originReady(handled: number): void {
    const { forwarded, acknowledged } = this.inbound;
    if (handled > forwarded || handled < acknowledged) {
      this.current?.fail(
        `ready with ${handled} messages handled of ${forwarded}, ${acknowledged} acknowledged`,
      );
    }
    this.inbound.release(handled, []);
  }

  moved(target: RelayBinding, origin: RelayBinding | undefined, result: MigrationResult): void {
    this.current = target;
    // What the origin had received and not handed to its handlers goes to the target.
    this.inbound.rewind();
    this.leaving = origin;
    if (origin) {
      this.leavingTimer = this.clock.setTimer(
        () => this.onReleased(origin, undefined),
        this.stepMs,
      );
    } else {
      target.letThrough();
    }
    this.settle(result);
    if (!origin && !this.clientGone) this.owner.settled();
  }

  stayed(result: MigrationResult): void {
    this.settle(result);
  }

  lost(result: MigrationResult): void {
    this.current = undefined;
    this.migration = undefined;
    this.owner.migrationEnded(result);
    this.loseServer();
  }

  onOpened(binding: RelayBinding, answer: OpenConnectionResponse): void {
    if (binding !== this.current) {
      this.migration?.onTargetAnswer(binding, answer);
      return;
    }
    if (!answer.accepted) {
      binding.release();
      this.current = undefined;
      this.owner.refused(answer.status ?? 503, answer.reason ?? '', answer.headers ?? []);
      this.finish();
      return;
    }
    this.state = 'open';
    this.protocol = answer.protocol ?? '';
    this.owner.accepted(this.protocol);
  }

  onData(binding: RelayBinding, data: Payload, binary: boolean): void {
    if (!this.clientGone) this.owner.deliver(data, binary, binding.onTaken);
  }

  onPing(_binding: RelayBinding, data: Uint8Array): void {
    if (!this.clientGone) this.owner.pingClient(data);
  }

  onPong(_binding: RelayBinding, data: Uint8Array): void {
    if (!this.clientGone) this.owner.pongClient(data);
  }

  onAck(binding: RelayBinding, count: number, ranges: readonly number[]): void {
    if (binding !== this.current) return;
    const highest = ranges.length > 0 ? ranges[ranges.length - 1]! : count;
    if (highest > this.inbound.forwarded) {
      binding.fail(`message ${highest} acknowledged, ${this.inbound.forwarded} sent`);
    }
    this.inbound.release(count, ranges);
  }

  onServerClose(binding: RelayBinding, cause: CloseCause): void {
    if (binding !== this.current) return;
    if (this.state === 'closing' && cause.code === 1006) this.owner.closeClient(1006, '');
    if (this.state !== 'open') return;
    this.migration?.rollBack('closedByServer', 'ended');
    this.state = 'closing';
    this.owner.closeClient(cause.code, cause.reason);
  }

  onMigrateResponse(binding: RelayBinding, answer: MigrateConnectionResponse): void {
    if (binding === this.current) this.migration?.onOriginAnswer(answer);
  }

  onReleased(binding: RelayBinding, close: CloseCause | undefined): void {
    if (binding !== this.leaving) return;
    this.leaving = undefined;
    this.clock.clearTimer(this.leavingTimer);
    binding.release();
    if (this.state === 'ended') return;
    this.current?.letThrough();
    if (close && this.current) this.onServerClose(this.current, close);
    this.owner.settled();
  }

  onLost(binding: RelayBinding): void {
    if (binding === this.leaving) {
      this.onReleased(binding, undefined);
      return;
    }
    const { migration } = this;
    if (migration?.onLost(binding)) return;
    if (binding !== this.current) return;
    if (migration) {
      this.migration = undefined;
      this.owner.migrationEnded({ outcome: 'ended', reason: 'originLost', from: binding.serverId });
    }
    this.current = undefined;
    this.loseServer();
  }

  /** After a migration: what was held goes to the server that has the connection now. */
  private settle(result: MigrationResult) {
    this.migration = undefined;
    this.forward();
    this.owner.migrationEnded(result);
    if (this.clientGone) this.end();
  }

  private forward() {
    if (this.migration || this.state === 'opening' || !this.current) return;
    this.inbound.forwardTo(this.current);
  }

  /** No server has the connection any more. */
  private loseServer() {
    const told = this.clientGone !== undefined;
    this.clientGone ??= { code: 1012, reason: 'serverLost' };
    if (this.state === 'opening') this.owner.serverLost();
    else if (!told) this.owner.closeClient(1012, 'serverLost');
    this.finish();
  }

  /** The client is gone: its server hears a true disconnect. */
  private end() {
    const { code, reason } = this.clientGone!;
    this.current?.close(code, reason);
    this.finish();
  }

  private finish() {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.inbound.dispose();
    this.owner.ended();
  }
}
