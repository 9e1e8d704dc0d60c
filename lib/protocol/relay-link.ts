import type { Clock, Timer } from './clock.js';
import type {
  Checkpoint,
  ClientRequest,
  EndpointKey,
  MigrateConnectionProgress,
  MigrateConnectionResponse,
  MigrationInfo,
  OpenConnectionResponse,
  Payload,
  RebindConnectionResponse,
  ServerSelector,
} from './messages.js';
import { InboundQueue } from './inbound-queue.js';
import { Leaving } from './leaving.js';
import type { LeftLink } from './leaving.js';
import { Rebinding } from './rebinding.js';
import { RelayBinding, ServerStream } from './relay-binding.js';
import type { BindingEvents, BindingTarget, CloseCause } from './relay-binding.js';
import { RelayContext } from './relay-context.js';
import type { RelayLinkBudgets, RelayLinkLimits, RelayLinkOwner } from './relay-link-owner.js';
import { RelayMigration } from './relay-migration.js';
import type { MigratingLink, MigrationPlan, MigrationResult } from './relay-migration.js';
import { RelayReroute } from './relay-reroute.js';
import type { ReroutePlan, ReroutedLink, RerouteResult } from './relay-reroute.js';

/** Steps that a takeover may last. */
const TAKEOVER_STEPS = 3;

type State = 'opening' | 'open' | 'closing' | 'ended';

/**
 * The relay's end of one client connection. It numbers and retains what the client sends, has it
 * served by one hub server at a time, and moves it by a {@link RelayMigration}.
 */
export class RelayLink implements BindingEvents, MigratingLink, ReroutedLink, LeftLink {
  private state: State = 'opening';
  private current: RelayBinding | undefined;
  private migration: RelayMigration | undefined;
  private rerouting: RelayReroute | undefined;
  /** The application closed the connection on the server that was left. */
  private closeWanted: CloseCause | undefined;
  /** The server that was left, until it said that all it sent has been sent. */
  private leaving: Leaving | undefined;
  /** Since the service connection was lost, until the server or another one has the link. */
  private rebinding: Rebinding | undefined;
  readonly stepMs: number;
  private readonly inbound: InboundQueue;
  private readonly context: RelayContext;
  private clientGone: CloseCause | undefined;
  /** The hub server was told of the end and has this long to confirm it. */
  private endTimer: Timer;
  /** A hub server got the client's end: one that does not have the connection any more knows of it. */
  private told = false;
  lastEpoch = 0;
  /** The epoch with which the connection was opened first; an earlier one was never let in. */
  firstEpoch = 0;
  /** Number of the latest attempt to move, to another hub server or service connection. */
  lastAttempt = 0;
  private protocol = '';

  constructor(
    readonly connectionId: string,
    readonly endpoint: EndpointKey,
    private readonly request: ClientRequest,
    limits: RelayLinkLimits,
    budgets: RelayLinkBudgets,
    readonly clock: Clock,
    private readonly owner: RelayLinkOwner,
  ) {
    this.stepMs = limits.stepMs;
    this.inbound = new InboundQueue(limits, budgets.inbound, owner);
    this.context = new RelayContext(budgets.contexts);
  }

  /** serverId of the hub server that serves the client. */
  get serverId(): string | undefined {
    return this.server?.serverId;
  }

  /** Whether the link is on its way to another hub server or service connection. */
  get moving(): boolean {
    return (this.migration ?? this.leaving ?? this.rerouting ?? this.rebinding) !== undefined;
  }

  /** The attempt to move to another hub server that is under way. */
  get attempt(): RelayMigration | undefined {
    return this.migration;
  }

  /** Whether the application lets the connection move to another hub server. */
  get migratable(): boolean {
    return this.context.migratable;
  }

  get isRerouting(): boolean {
    return this.rerouting !== undefined;
  }

  /** The service connection that carries the link. */
  get route(): BindingTarget | undefined {
    return this.current?.target;
  }

  /** Whether the link waits for another service connection of its hub server. */
  get detached(): boolean {
    return this.rebinding !== undefined;
  }

  /** Bytes of inbound messages retained. */
  get retainedBytes(): number {
    return this.inbound.bytes;
  }

  /** Its number and epoch on the service connection that carries it. */
  get binding(): Readonly<Pick<RelayBinding, 'number' | 'epoch'>> | undefined {
    return this.current;
  }

  /** How far the connection's life is, its moves aside. */
  get phase(): 'opening' | 'open' | 'closing' {
    if (this.clientGone || this.state === 'ended') return 'closing';
    return this.state;
  }

  /**
   * Opens the connection on its first hub server.
   * @param epoch the last epoch of this connection when it was opened elsewhere before
   */
  open(target: BindingTarget, epoch = 0): void {
    this.lastEpoch = epoch;
    this.firstEpoch = epoch + 1;
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
    if (this.state === 'open' && !this.migration && !this.clientGone) this.current?.pong(data);
  }

  /** The client's socket is gone. The hub server hears of it after all that the client sent. */
  clientClosed(code: number, reason: string): void {
    if (this.state === 'ended' || this.clientGone) return;
    this.clientGone = { code, reason };
    if (this.migration) this.migration.rollBack('clientClosed', 'ended');
    else this.endUnlessDetached();
  }

  /** Asks the hub server to let the connection move. @returns false when it cannot be asked now */
  migrate(plan: MigrationPlan): boolean {
    const { current } = this;
    if (this.state !== 'open' || this.moving || !current || this.clientGone) return false;
    if (!this.context.migratable) return false;
    this.migration = new RelayMigration(this, current, current.serverId, ++this.lastAttempt, plan);
    this.progressed();
    return true;
  }

  /**
   * Asks the hub server to go on with another of its service connections.
   * @returns false when it cannot be asked now
   */
  reroute(plan: ReroutePlan): boolean {
    if (this.state === 'opening' || this.moving || !this.current || this.clientGone) return false;
    this.rerouting = new RelayReroute(this, this.current, ++this.lastAttempt, plan);
    return true;
  }

  /** Ends the connection at once: the client is closed with the code, the hub server told. */
  forceClose(code: number, reason: string): void {
    if (this.state === 'ended') return;
    const first = !this.clientGone;
    this.clientGone ??= { code, reason };
    if (first && this.state !== 'opening') this.owner.closeClient(code, reason);
    if (!this.migration) this.endUnlessDetached();
    else if (!this.migration.rollBack(reason, 'ended')) {
      const { targetId } = this.migration;
      if (targetId !== undefined) this.leaveLostServer(targetId, reason);
      this.migration.abandon(code, reason);
      this.end();
    }
  }

  selectTarget(excluded: ReadonlySet<string>, to?: ServerSelector): BindingTarget | undefined {
    const { leaving } = this;
    // Opened there anew, its last word would be lost, and asked for of the wrong one.
    const all = leaving ? new Set([...excluded, leaving.serverId]) : excluded;
    return this.owner.selectTarget(all, to);
  }

  progressed(): void {
    this.forward();
    this.owner.migrationProgressed();
  }

  openOn(target: BindingTarget, migration?: MigrationInfo): RelayBinding {
    const epoch = this.nextEpoch();
    const stream = new ServerStream(target.serverId, epoch, migration !== undefined);
    const binding = new RelayBinding(target, this, epoch, stream);
    const { bytes: context } = this.context;
    binding.open({
      connectionId: this.connectionId,
      ...this.endpoint,
      request: this.request,
      inbound: this.inbound.acknowledged,
      ...(migration && { migration, protocol: this.protocol, ...(context && { context }) }),
    });
    return binding;
  }

  nextEpoch(): number {
    return ++this.lastEpoch;
  }

  otherRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined {
    return this.owner.selectRoute(serverId, besides);
  }

  leaveFor(target: BindingTarget, attempt: number, reason: string): void {
    const former = this.current!;
    former.release();
    this.current = undefined;
    this.rebinding = this.newRebinding(former.stream);
    this.rebinding.moveTo(target, { attempt, reason }, former);
    this.forward();
  }

  rerouteEnded(result: RerouteResult): void {
    this.rerouting = undefined;
    this.forward();
    this.owner.rerouted(result);
    if (this.clientGone) this.endUnlessDetached();
  }

  originReady(answer: MigrateConnectionResponse, flowed: boolean): void {
    const fault = this.inbound.faultOf(answer, flowed);
    if (fault) this.current?.fail(`ready with ${fault}`);
    this.inbound.release(answer.handled, []);
    this.context.depart(answer.context);
  }

  moved(target: RelayBinding, origin: RelayBinding | undefined, result: MigrationResult): void {
    const lost = this.rebinding?.stream;
    this.current = target;
    this.context.moved();
    this.leaveLostServer(target.serverId, result.reason);
    // What the origin had received and not handed to its handlers goes to the target.
    this.inbound.rewind();
    if (origin) {
      const { lastAttempt: attempt } = this;
      const { serverId: server } = target;
      this.leaving = new Leaving(this, origin, { attempt, server, reason: result.reason });
    } else if (lost) {
      target.stream.follow(lost);
    }
    this.settle(result);
    if (!this.leaving && !this.clientGone) this.owner.settled();
  }

  stayed(result: MigrationResult): void {
    this.context.stay();
    this.settle(result);
  }

  lost(result: MigrationResult): void {
    this.current = undefined;
    this.migration = undefined;
    this.owner.migrationEnded(result);
    // The server that was given up may be back: its answer decides.
    if (this.rebinding?.isAwaited) return;
    this.loseServer(result.reason === 'refused' ? 'takeoverRefused' : 'serverLost');
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
    if (!this.clientGone) this.owner.deliver(data, binary, binding.stream);
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

  onCheckpoint(binding: RelayBinding, checkpoint: Checkpoint): void {
    if (binding !== this.current) return;
    const mayMoveAgain = this.context.save(checkpoint);
    if (mayMoveAgain && !this.moving) this.owner.settled();
  }

  onMigrateProgress(binding: RelayBinding, progress: MigrateConnectionProgress): void {
    if (binding === this.current) this.migration?.onProgress(progress);
  }

  onServerClose(binding: RelayBinding, cause: CloseCause): void {
    // Held until now, it may be of a service connection that is lost.
    if (binding.stream !== this.server || this.clientGone) return;
    if (this.state === 'closing' && cause.code === 1006) this.owner.closeClient(1006, '');
    if (this.state !== 'open') return;
    this.migration?.rollBack('closedByServer', 'ended');
    this.state = 'closing';
    this.owner.closeClient(cause.code, cause.reason);
  }

  onMigrateResponse(binding: RelayBinding, answer: MigrateConnectionResponse): void {
    if (binding !== this.current) return;
    if (answer.attempt !== this.rerouting?.attempt) this.migration?.onOriginAnswer(answer);
    else this.rerouting.onAnswer(answer, this.inbound.forwarded);
  }

  onReleased(binding: RelayBinding, close: CloseCause | undefined): void {
    if (!this.leaving?.has(binding)) return;
    this.closeWanted = close;
    this.leaving.finish();
  }

  left(): void {
    this.leaving = undefined;
    if (this.state === 'ended') {
      this.owner.ended();
      return;
    }
    this.server?.letThrough();
    this.closeAsWanted();
    if (this.rebinding?.gone) {
      this.serverGone();
      return;
    }
    this.owner.settled();
    this.migration?.retry();
  }

  onClosed(binding: RelayBinding): void {
    if (binding !== this.current || !this.endTimer) return;
    binding.release();
    this.current = undefined;
    this.finish();
  }

  onLost(binding: RelayBinding): void {
    if (this.leaving?.has(binding)) {
      this.leaving.lost(binding);
      return;
    }
    if (binding === this.rebinding?.binding) {
      this.rebinding.drop();
      this.owner.detached(binding.serverId);
      return;
    }
    if (this.migration?.onLost(binding) || binding !== this.current) return;
    if (this.detach(binding)) this.owner.detached(binding.serverId);
  }

  /** Goes on with another service connection of the hub server that has the connection. */
  rebind(target: BindingTarget): void {
    this.rebinding?.tryOn(target);
  }

  /**
   * The hub server lost the service connection of this link, which this side may not know yet.
   * @param epoch the last one that the hub server knows
   * @returns false when it is not the one that has the connection
   */
  reclaim(target: BindingTarget, epoch: number): boolean {
    const { current, leaving, server } = this;
    if (leaving?.serverId === target.serverId) {
      leaving.reclaim(target, epoch);
      return true;
    }
    if (server?.serverId !== target.serverId) this.migration?.onReclaimed(target.serverId, epoch);
    if (server?.serverId !== target.serverId || epoch < server.epoch) return false;
    if (current && current.epoch <= epoch) {
      current.release();
      const waits = this.detach(current);
      current.target.lostByPeer();
      if (!waits) return false;
    }
    this.rebinding?.insistOn(target);
    return true;
  }

  bindAgain(target: BindingTarget, stream: ServerStream): RelayBinding {
    return new RelayBinding(target, this, this.nextEpoch(), stream);
  }

  onRebound(binding: RelayBinding, answer: RebindConnectionResponse): void {
    if (this.leaving?.has(binding)) this.leaving.onAnswer(binding, answer.accepted);
    const { rebinding } = this;
    if (binding !== rebinding?.binding) return;
    const flowing = rebinding.route === binding;
    rebinding.drop();
    if (!answer.accepted) {
      binding.release();
      if (this.told) this.finish();
      else this.serverGone();
      return;
    }
    if (!flowing && !this.inbound.resumeAt(answer.received)) {
      binding.fail(`${answer.received} messages received of ${this.inbound.forwarded}`);
    }
    this.rebinding = undefined;
    this.current = binding;
    this.cancelMigration('serverReturned');
    binding.scheduleAck();
    this.forward();
    this.rerouting?.end('moved');
    if (this.clientGone) this.end();
    else {
      this.closeAsWanted();
      this.owner.settled();
    }
  }

  /** The hub server is gone for good: another one takes over, or the client is closed. */
  serverGone(): void {
    if (!this.rebinding || this.migration) return;
    this.rerouting?.end('failed', 'sessionLost');
    const { context } = this;
    const { closing } = this.rebinding.stream;
    // The client has yet to get what the server said before it closed the connection.
    this.rebinding.gone = closing && this.leaving !== undefined;
    if (this.rebinding.gone) return;
    const nothingLeft = this.clientGone && this.inbound.empty && !context.needed;
    const isOver = closing || this.state !== 'open' || nothingLeft || !this.owner.survivesCrash;
    if (isOver || context.obstacle) {
      this.loseServer(isOver ? undefined : context.obstacle);
      return;
    }
    const { serverId } = this.rebinding.stream;
    const deadline = this.clock.now() + TAKEOVER_STEPS * this.stepMs;
    const plan = { reason: 'crash', deadline };
    this.migration = new RelayMigration(this, undefined, serverId, ++this.lastAttempt, plan);
    this.progressed();
    this.migration.takeOver();
  }

  /** Whether the connection has left this hub server, whose last word is still awaited. */
  isLeaving(serverId: string): boolean {
    return this.leaving?.serverId === serverId;
  }

  /** A hub server that the connection may have left has another service connection. */
  leftServerReturned(target: BindingTarget): void {
    if (this.isLeaving(target.serverId)) this.leaving!.returned(target);
  }

  /** A hub server that the connection has left is gone for good. */
  leftServerGone(serverId: string): void {
    if (this.isLeaving(serverId)) this.leaving!.finish();
  }

  /** What the server sends that has the connection. */
  private get server(): ServerStream | undefined {
    return (this.current ?? this.rebinding)?.stream;
  }

  /** The present binding is lost. @returns whether the link waits to be rebound */
  private detach(binding: RelayBinding): boolean {
    this.current = undefined;
    if (this.state === 'opening') {
      this.loseServer();
      return false;
    }
    this.clock.clearTimer(this.endTimer);
    this.endTimer = undefined;
    this.rebinding = this.newRebinding(binding.stream);
    this.cancelMigration('originLost');
    this.rerouting?.end('failed', 'sessionLost');
    return true;
  }

  private newRebinding(stream: ServerStream) {
    return new Rebinding(this, stream, () => this.serverGone());
  }

  /** The hub server that was lost hears, when it is back, that another one has the connection. */
  private leaveLostServer(server: string, reason: string) {
    this.rebinding?.close(1012, 'moved', { server, reason, attempt: this.lastAttempt });
    this.rebinding = undefined;
  }

  private cancelMigration(reason: string) {
    const result = this.migration?.cancel(reason);
    this.migration = undefined;
    this.context.stay();
    if (result) this.owner.migrationEnded(result);
  }

  /** After a migration: what was held goes to the server that has the connection now. */
  private settle(result: MigrationResult) {
    this.migration = undefined;
    this.forward();
    this.owner.migrationEnded(result);
    if (this.clientGone) this.end();
    else this.closeAsWanted();
  }

  /** Closes the connection as the application on the server that was left asked for. */
  private closeAsWanted() {
    const { closeWanted, current } = this;
    if (!closeWanted || !current) return;
    this.closeWanted = undefined;
    this.onServerClose(current, closeWanted);
  }

  private forward() {
    if (this.migration && !this.migration.flowing) return;
    if (this.state === 'opening' || this.state === 'ended') return;
    const pausing = this.rerouting && !this.rerouting.paused;
    const route = pausing ? undefined : (this.current ?? this.rebinding?.route);
    if (route) this.inbound.forwardTo(route);
  }

  /** No server has the connection any more. */
  private loseServer(reason = 'serverLost') {
    const told = this.clientGone !== undefined;
    this.clientGone ??= { code: 1012, reason };
    if (this.state === 'opening') this.owner.serverLost();
    else if (!told && this.state === 'open') {
      this.owner.clientLost(reason);
      this.owner.closeClient(1012, reason);
    }
    this.finish();
  }

  /** A link that moves to another service connection ends then, after what the client said last. */
  private endUnlessDetached() {
    if (!this.detached && !this.rerouting) this.end();
  }

  /**
   * The client is gone: its server hears a true disconnect. The link lives until the server confirms
   * it, so that neither this nor the client's last messages get lost with a service connection.
   */
  private end() {
    if (this.state === 'ended' || this.endTimer) return;
    const { code, reason } = this.clientGone!;
    if (!this.current || this.state === 'opening') {
      this.current?.close(code, reason);
      this.finish();
      return;
    }
    this.told = true;
    this.current.tellClosed(code, reason);
    this.endTimer = this.clock.setTimer(() => this.finish(), this.stepMs);
  }

  private finish() {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.clock.clearTimer(this.endTimer);
    const { code, reason } = this.clientGone ?? { code: 1006, reason: '' };
    this.current?.release();
    this.rebinding?.close(code, reason);
    this.rebinding = undefined;
    this.rerouting?.end('ended');
    this.inbound.dispose();
    this.context.dispose();
    // The server that was left may still ask what became of the connection.
    if (!this.leaving) this.owner.ended();
  }
}
