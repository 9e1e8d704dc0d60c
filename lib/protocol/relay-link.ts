import type { Clock, Timer } from './clock.js';
import { InboundQueue } from './inbound-queue.js';
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
import { RelayBinding } from './relay-binding.js';
import { ServerStream } from './server-stream.js';
import type { BindingEvents, BindingTarget, CloseCause } from './relay-binding.js';
import { RelayContext } from './relay-context.js';
import { RelayLinkMoves } from './relay-link-moves.js';
import type { MovedLink } from './relay-link-moves.js';
import type { RelayLinkBudgets, RelayLinkLimits, RelayLinkOwner } from './relay-link-owner.js';
import { RelayLinkServers } from './relay-link-servers.js';
import type { ServedLink } from './relay-link-servers.js';
import type { MigrationPlan, RelayMigration } from './relay-migration.js';
import type { ReroutePlan } from './relay-reroute.js';

type State = 'opening' | 'open' | 'closing' | 'ended';

/**
 * The relay's end of one client connection. It numbers and retains what the client sends, has it
 * served by one hub server at a time, and lives until the server has heard of the client's end.
 */
export class RelayLink implements BindingEvents, ServedLink, MovedLink {
  private state: State = 'opening';
  /** The application closed the connection on the server that was left. */
  private closeWanted: CloseCause | undefined;
  readonly stepMs: number;
  private readonly inbound: InboundQueue;
  private readonly context: RelayContext;
  private readonly servers = new RelayLinkServers(this);
  private readonly moves: RelayLinkMoves;
  private clientGone: CloseCause | undefined;
  /** The hub server was told of the end and has this long to confirm it. */
  private endTimer: Timer;
  /** A hub server got the client's end: one that does not have the connection any more knows of it. */
  private told = false;
  lastEpoch = 0;
  /** The epoch with which the connection was opened first; an earlier one was never let in. */
  firstEpoch = 0;
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
    this.moves = new RelayLinkMoves(this, this.servers, this.inbound, this.context, owner);
  }

  /** serverId of the hub server that serves the client. */
  get serverId(): string | undefined {
    return this.servers.stream?.serverId;
  }

  /** Whether the link is on its way to another hub server or service connection. */
  get moving(): boolean {
    const { moves, servers } = this;
    return moves.underWay || servers.detached || servers.leftId !== undefined;
  }

  /** The attempt to move to another hub server that is under way. */
  get attempt(): RelayMigration | undefined {
    return this.moves.attempt;
  }

  /** Number of the latest attempt to move, to another hub server or service connection. */
  get lastAttempt(): number {
    return this.moves.lastAttempt;
  }

  /** @param attempt number that no attempt will have */
  skipAttempt(attempt: number): void {
    this.moves.lastAttempt = attempt;
  }

  /** Whether the application lets the connection move to another hub server. */
  get migratable(): boolean {
    return this.context.migratable;
  }

  get isRerouting(): boolean {
    return this.moves.isRerouting;
  }

  /** The service connection that carries the link. */
  get route(): BindingTarget | undefined {
    return this.servers.current?.target;
  }

  /** Whether the link waits for another service connection of its hub server. */
  get detached(): boolean {
    return this.servers.detached;
  }

  /** Bytes of inbound messages retained. */
  get retainedBytes(): number {
    return this.inbound.bytes;
  }

  /** Its number and epoch on the service connection that carries it. */
  get binding(): Readonly<Pick<RelayBinding, 'number' | 'epoch'>> | undefined {
    return this.servers.current;
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
    this.servers.current = this.openOn(target);
  }

  /** A whole message from the client. */
  clientMessage(data: Payload, binary: boolean): void {
    if (this.state === 'ended' || this.clientGone) return;
    this.inbound.push(data, binary);
    this.forward();
    this.inbound.checkPressure();
  }

  clientPong(data: Uint8Array): void {
    if (this.state !== 'open' || this.attempt || this.clientGone) return;
    this.servers.current?.pong(data);
  }

  /** The client's socket is gone. The hub server hears of it after all that the client sent. */
  clientClosed(code: number, reason: string): void {
    if (this.state === 'ended' || this.clientGone) return;
    this.clientGone = { code, reason };
    if (this.attempt) this.attempt.rollBack('clientClosed', 'ended');
    else this.endUnlessMoving();
  }

  /** Asks the hub server to let the connection move. @returns false when it cannot be asked now */
  migrate(plan: MigrationPlan): boolean {
    if (this.state !== 'open' || !this.movable || !this.context.migratable) return false;
    this.moves.migrate(plan);
    return true;
  }

  /**
   * Asks the hub server to go on with another of its service connections.
   * @returns false when it cannot be asked now
   */
  reroute(plan: ReroutePlan): boolean {
    if (this.state === 'opening' || !this.movable) return false;
    this.moves.reroute(plan);
    return true;
  }

  /** Ends the connection at once: the client is closed with the code, the hub server told. */
  forceClose(code: number, reason: string): void {
    if (this.state === 'ended') return;
    const first = !this.clientGone;
    this.clientGone ??= { code, reason };
    if (first && this.state !== 'opening') this.owner.closeClient(code, reason);
    const migration = this.attempt;
    if (!migration) this.endUnlessMoving();
    else if (!migration.rollBack(reason, 'ended')) {
      const { attempt, targetId: server } = migration;
      if (server !== undefined) this.servers.leaveLost({ server, reason, attempt });
      migration.abandon(code, reason);
      this.end();
    }
  }

  selectTarget(excluded: ReadonlySet<string>, to?: ServerSelector): BindingTarget | undefined {
    const { leftId } = this.servers;
    // Opened there anew, its last word would be lost, and asked for of the wrong one.
    const all = leftId === undefined ? excluded : new Set([...excluded, leftId]);
    return this.owner.selectTarget(all, to);
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

  settled(): void {
    if (!this.clientGone) this.owner.settled();
  }

  onOpened(binding: RelayBinding, answer: OpenConnectionResponse): void {
    if (binding !== this.servers.current) {
      this.attempt?.onTargetAnswer(binding, answer);
      return;
    }
    if (!answer.accepted) {
      binding.release();
      this.servers.current = undefined;
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
    if (binding !== this.servers.current) return;
    const highest = ranges.length > 0 ? ranges[ranges.length - 1]! : count;
    if (highest > this.inbound.forwarded) {
      binding.fail(`message ${highest} acknowledged, ${this.inbound.forwarded} sent`);
    }
    this.inbound.release(count, ranges);
  }

  onCheckpoint(binding: RelayBinding, checkpoint: Checkpoint): void {
    if (binding !== this.servers.current) return;
    const mayMoveAgain = this.context.save(checkpoint);
    if (mayMoveAgain && !this.moving) this.owner.settled();
  }

  onMigrateProgress(binding: RelayBinding, progress: MigrateConnectionProgress): void {
    if (binding === this.servers.current) this.attempt?.onProgress(progress);
  }

  onServerClose(binding: RelayBinding, cause: CloseCause): void {
    // Held until now, it may be of a service connection that is lost.
    if (binding.stream !== this.servers.stream || this.clientGone) return;
    if (this.state === 'closing' && cause.code === 1006) this.owner.closeClient(1006, '');
    if (this.state !== 'open') return;
    this.attempt?.rollBack('closedByServer', 'ended');
    this.state = 'closing';
    this.owner.closeClient(cause.code, cause.reason);
  }

  onMigrateResponse(binding: RelayBinding, answer: MigrateConnectionResponse): void {
    if (binding === this.servers.current) this.moves.onAnswer(answer);
  }

  onReleased(binding: RelayBinding, close: CloseCause | undefined): void {
    if (!this.servers.isLeft(binding)) return;
    this.closeWanted = close;
    this.servers.finishLeft();
  }

  left(): void {
    if (this.state === 'ended') {
      this.owner.ended();
      return;
    }
    this.servers.stream?.letThrough();
    this.closeAsWanted();
    if (this.servers.givenUp) {
      this.serverGone();
      return;
    }
    this.owner.settled();
    this.attempt?.retry();
  }

  onClosed(binding: RelayBinding): void {
    if (binding !== this.servers.current || !this.endTimer) return;
    binding.release();
    this.servers.current = undefined;
    this.finish();
  }

  onLost(binding: RelayBinding): void {
    const { servers } = this;
    if (servers.onLeftLost(binding)) return;
    let waits = servers.onAnswerLost(binding);
    if (!waits && !this.attempt?.onLost(binding) && binding === servers.current) {
      waits = this.detach();
    }
    if (waits) this.owner.detached(binding.serverId);
  }

  /** Goes on with another service connection of the hub server that has the connection. */
  rebind(target: BindingTarget): void {
    this.servers.tryOn(target);
  }

  /**
   * The hub server lost the service connection of this link, which this side may not know yet.
   * @param epoch the last one that the hub server knows
   * @returns false when it is not the one that has the connection
   */
  reclaim(target: BindingTarget, epoch: number): boolean {
    const { servers } = this;
    if (servers.reclaimLeft(target, epoch)) return true;
    const { current, stream } = servers;
    if (stream?.serverId !== target.serverId) {
      this.attempt?.onReclaimed(target.serverId, epoch);
      return false;
    }
    if (epoch < stream.epoch) return false;
    if (current && current.epoch <= epoch) {
      current.release();
      const waits = this.detach();
      current.target.lostByPeer();
      if (!waits) return false;
    }
    servers.insistOn(target);
    return true;
  }

  bindAgain(target: BindingTarget, stream: ServerStream): RelayBinding {
    return new RelayBinding(target, this, this.nextEpoch(), stream);
  }

  onRebound(binding: RelayBinding, answer: RebindConnectionResponse): void {
    const goesOn = this.servers.onRebound(binding, answer);
    if (goesOn === undefined) return;
    if (goesOn === 'refused') {
      if (this.told) this.finish();
      else this.serverGone();
      return;
    }
    if (goesOn === 'repeat' && !this.inbound.resumeAt(answer.received)) {
      binding.fail(`${answer.received} messages received of ${this.inbound.forwarded}`);
    }
    this.servers.rebound(binding);
    this.moves.cancel('serverReturned');
    binding.scheduleAck();
    this.forward();
    this.moves.endReroute('moved');
    this.endIfWanted();
    this.settled();
  }

  /** The hub server is gone for good: another one takes over, or the client is closed. */
  serverGone(): void {
    if (!this.detached || this.attempt) return;
    this.moves.endReroute('failed', 'sessionLost');
    if (!this.servers.giveUp()) return;
    const { context } = this;
    const nothingLeft = this.clientGone && this.inbound.empty && !context.needed;
    const isClosed = this.servers.stream!.closing || this.state !== 'open';
    const isOver = isClosed || nothingLeft || !this.owner.survivesCrash;
    if (isOver || context.obstacle) this.loseServer(isOver ? undefined : context.obstacle);
    else this.moves.takeOver();
  }

  /** Whether the connection has left this hub server, whose last word is still awaited. */
  isLeaving(serverId: string): boolean {
    return this.servers.leftId === serverId;
  }

  /** A hub server that the connection may have left has another service connection. */
  leftServerReturned(target: BindingTarget): void {
    this.servers.leftReturned(target);
  }

  /** A hub server that the connection has left is gone for good. */
  leftServerGone(serverId: string): void {
    if (this.isLeaving(serverId)) this.servers.finishLeft();
  }

  forward(): void {
    if (!this.moves.flowing || this.state === 'opening' || this.state === 'ended') return;
    const { route } = this.servers;
    if (route) this.inbound.forwardTo(route);
  }

  endIfWanted(): void {
    if (this.clientGone) this.endUnlessMoving();
    else this.closeAsWanted();
  }

  /** No server has the connection any more. */
  loseServer(reason = 'serverLost'): void {
    const told = this.clientGone !== undefined;
    this.clientGone ??= { code: 1012, reason };
    if (this.state === 'opening') this.owner.serverLost();
    else if (!told && this.state === 'open') {
      this.owner.clientLost(reason);
      this.owner.closeClient(1012, reason);
    }
    this.finish();
  }

  /** Whether nothing is in the way of a move. */
  private get movable(): boolean {
    return !this.moving && this.servers.current !== undefined && !this.clientGone;
  }

  /** The present binding is lost. @returns whether the link waits to be rebound */
  private detach(): boolean {
    if (this.state === 'opening') {
      this.servers.current = undefined;
      this.loseServer();
      return false;
    }
    this.clock.clearTimer(this.endTimer);
    this.endTimer = undefined;
    this.servers.detach();
    this.moves.cancel('originLost');
    this.moves.endReroute('failed', 'sessionLost');
    return true;
  }

  /** Closes the connection as the application on the server that was left asked for. */
  private closeAsWanted() {
    const { closeWanted } = this;
    const { current } = this.servers;
    if (!closeWanted || !current) return;
    this.closeWanted = undefined;
    this.onServerClose(current, closeWanted);
  }

  /** A link that moves to another service connection ends then, after what the client said last. */
  private endUnlessMoving() {
    if (!this.detached && !this.isRerouting) this.end();
  }

  /**
   * The client is gone: its server hears a true disconnect. The link lives until the server confirms
   * it, so that neither this nor the client's last messages get lost with a service connection.
   */
  private end() {
    if (this.state === 'ended' || this.endTimer) return;
    const { code, reason } = this.clientGone!;
    const { current } = this.servers;
    if (!current || this.state === 'opening') {
      current?.close(code, reason);
      this.finish();
      return;
    }
    this.told = true;
    current.tellClosed(code, reason);
    this.endTimer = this.clock.setTimer(() => this.finish(), this.stepMs);
  }

  private finish() {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.clock.clearTimer(this.endTimer);
    const { code, reason } = this.clientGone ?? { code: 1006, reason: '' };
    this.servers.end(code, reason);
    this.moves.endReroute('ended');
    this.inbound.dispose();
    this.context.dispose();
    // The server that was left may still ask what became of the connection.
    if (this.servers.leftId === undefined) this.owner.ended();
  }
}
