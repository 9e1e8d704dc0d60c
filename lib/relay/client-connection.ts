import type { Timer } from '../protocol/clock.js';
import { endpointName } from '../protocol/endpoint.js';
import type { ClientRequest, EndpointKey, Payload, ServerSelector } from '../protocol/messages.js';
import { RelayLink } from '../protocol/relay-link.js';
import type { RelayLinkOwner } from '../protocol/relay-link-owner.js';
import type { BindingTarget } from '../protocol/relay-binding.js';
import type { Taker } from '../protocol/server-stream.js';
import type {
  MigrationPlan,
  MigrationResult,
  RelayMigration,
} from '../protocol/relay-migration.js';
import type { ReroutePlan, RerouteResult } from '../protocol/relay-reroute.js';
import type { RelaySession } from '../protocol/relay-session.js';
import type { ClientSocket } from './client-socket.js';
import type { HubServerEntry } from './hub-server-entry.js';
import type { MigrationView } from './migration-view.js';
import type { RelayCore } from './relay-core.js';
import { count } from './relay-stats.js';

export type { ClientSocket } from './client-socket.js';

/** One client of this relay: from its upgrade, held until a hub server takes it, to its end. */
export class ClientConnection implements RelayLinkOwner {
  readonly endpointName: string;
  /** Why the last migration attempt failed. */
  lastFailure: string | undefined;
  /** How the latest migration ended. */
  lastMigration: MigrationView | undefined;
  /** Whether nothing is left of the connection. */
  over = false;
  private link: RelayLink | undefined;
  private server: HubServerEntry | undefined;
  private answered = false;
  private holdTimer: Timer;
  private answerTimer: Timer;

  constructor(
    private readonly relay: RelayCore,
    readonly connectionId: string,
    readonly endpoint: EndpointKey,
    readonly request: ClientRequest,
    private readonly socket: ClientSocket,
    /** The ingress instance that the client came through, when it is known. */
    readonly ingress: string | undefined,
  ) {
    this.endpointName = endpointName(endpoint);
  }

  /** Whether a hub server has accepted the client and no migration is under way. */
  get movable(): boolean {
    return this.answered && !this.over && this.link !== undefined && !this.link.moving;
  }

  /** Whether a hub server has accepted the client, which is still here. */
  get served(): boolean {
    return this.answered && !this.over;
  }

  /** The migration to another hub server that is under way. */
  get attempt(): RelayMigration | undefined {
    return this.link?.attempt;
  }

  /** Whether the application lets the client move to another hub server. */
  get migratable(): boolean {
    return this.link?.migratable ?? true;
  }

  /** Whether anybody may ask for a migration of the client. */
  get mayBeMoved(): boolean {
    return this.migratable && this.level !== 'off';
  }

  /** serverId of the hub server that has the connection. */
  get serverId(): string | undefined {
    return this.link?.serverId;
  }

  /** The service connection that carries the link. */
  get session(): BindingTarget | undefined {
    return this.link?.route;
  }

  /** Whether the link is between two service connections of its hub server. */
  get rerouting(): boolean {
    return this.link !== undefined && (this.link.isRerouting || this.link.detached);
  }

  get moving(): boolean {
    return this.link?.moving ?? false;
  }

  /** The link to the hub server; none before there is one. */
  get currentLink(): RelayLink | undefined {
    return this.link;
  }

  /** Opens the connection on a hub server, or holds it until one is there. */
  route(): void {
    const target = this.relay.selectTarget(this, NONE);
    if (!target) {
      this.relay.hold(this);
      this.holdTimer ??= this.relay.clock.setTimer(
        () => this.fail(503, 'no hub server for this path'),
        this.relay.options.holdUpgradeMs,
      );
      return;
    }
    const { clock, options, budgets } = this.relay;
    clock.clearTimer(this.holdTimer);
    this.holdTimer = undefined;
    this.answerTimer ??= clock.setTimer(
      () => this.fail(504, 'no answer from the hub server'),
      options.handshakeTimeoutMs,
    );
    const epoch = this.link?.lastEpoch;
    this.link = new RelayLink(
      this.connectionId,
      this.endpoint,
      this.request,
      options,
      budgets,
      clock,
      this,
    );
    this.link.open(target, epoch);
    this.countAt(target.serverId);
  }

  message(data: Payload, binary: boolean): void {
    this.link?.clientMessage(data, binary);
  }

  pong(data: Uint8Array): void {
    this.link?.clientPong(data);
  }

  /** The client's socket is gone. */
  closed(code: number, reason: string): void {
    if (!this.answered) this.finish();
    this.relay.migrations.clientGone(this);
    this.link?.clientClosed(code, reason);
  }

  migrate(plan: MigrationPlan): boolean {
    return this.link?.migrate(plan) ?? false;
  }

  reroute(plan: ReroutePlan): boolean {
    return this.link?.reroute(plan) ?? false;
  }

  /** Starts the closing handshake; what the client sends until it answers is delivered. */
  askToLeave(code: number, reason: string): void {
    if (this.answered && !this.over) this.socket.close(code, reason);
  }

  /** Closes the client at once, whatever is under way. */
  forceClose(code: number, reason: string): void {
    if (!this.answered) this.fail(503, reason);
    else this.link?.forceClose(code, reason);
  }

  accepted(protocol: string): void {
    this.answered = true;
    this.clearTimers();
    this.socket.accept(protocol, this.connectionId);
    this.relay.opened(this.server);
  }

  refused(status: number, reason: string, headers: readonly string[]): void {
    this.fail(status, reason, headers);
  }

  serverLost(): void {
    const lost = this.link;
    this.leaveServer();
    this.relay.clock.defer(() => {
      if (!this.over && this.link === lost) this.route();
    });
  }

  detached(serverId: string): void {
    const server = this.relay.server(serverId);
    const session = server?.session();
    if (session) this.link?.rebind(session);
    else if (!server) this.link?.serverGone();
  }

  get survivesCrash(): boolean {
    return this.level === 'any' && !this.relay.stopping;
  }

  /** The hub server that has this connection has another service connection again. */
  serverReturned(session: RelaySession): void {
    if (this.link?.detached) this.link.rebind(session);
  }

  /**
   * The hub server says that it lost the service connection of this client.
   * @returns false when it does not have the client any more
   */
  reclaim(session: RelaySession, epoch: number): boolean {
    if (!this.link?.reclaim(session, epoch)) return false;
    // It may have been away so long that it counts as another one.
    const { serverId } = session;
    const back = this.answered && this.serverId === serverId;
    if (back && this.relay.server(serverId) !== this.server) this.countAt(serverId);
    return true;
  }

  /**
   * serverId of the hub server that has the connection after it was another's.
   * @param epoch the last one that the other server knows
   */
  takenBy(epoch: number): string | undefined {
    return this.answered && epoch >= this.link!.firstEpoch ? this.serverId : undefined;
  }

  /** The hub server that has this connection is gone for good. */
  serverGone(): void {
    this.link?.serverGone();
  }

  /** Whether the connection has left this hub server, whose last word is still awaited. */
  isLeaving(serverId: string): boolean {
    return this.link?.isLeaving(serverId) ?? false;
  }

  /** A hub server is gone for good that the connection may have left a moment ago. */
  leftServerGone(serverId: string): void {
    this.link?.leftServerGone(serverId);
  }

  /** A hub server has one more service connection. */
  sessionEstablished(session: RelaySession): void {
    this.link?.leftServerReturned(session);
    this.attempt?.retry();
  }

  deliver(data: Payload, binary: boolean, taker: Taker): void {
    this.socket.send(data, binary, taker);
  }

  pingClient(data: Uint8Array): void {
    this.socket.ping(data);
  }

  pongClient(data: Uint8Array): void {
    this.socket.pong(data);
  }

  closeClient(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  clientLost(reason: string): void {
    const { counters } = this.relay;
    counters.lostWithServer++;
    count(counters.lossReasons, reason);
  }

  pauseClient(): void {
    this.socket.pause();
  }

  resumeClient(): void {
    this.socket.resume();
  }

  selectTarget(excluded: ReadonlySet<string>, to?: ServerSelector): BindingTarget | undefined {
    return this.relay.selectTarget(this, excluded, { to });
  }

  selectRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined {
    return this.relay.server(serverId)?.session(besides);
  }

  rerouted({ outcome, reason }: RerouteResult): void {
    const { counters, ingresses } = this.relay;
    this.settled();
    if (outcome === 'moved') counters.reroutes++;
    if (outcome !== 'failed') return;
    count(counters.failedReroutes, reason);
    ingresses.rerouteFailed(this, reason);
  }

  migrationProgressed(): void {
    this.relay.migrations.progressed(this);
  }

  migrationEnded(result: MigrationResult): void {
    if (result.to !== undefined) this.countAt(result.to);
    this.relay.migrations.ended(this, result);
    this.relay.migrationEnded(result);
  }

  settled(): void {
    this.relay.opened(this.server);
    this.relay.migrations.settled(this);
  }

  ended(): void {
    if (this.answered) this.finish();
  }

  /** Answers the pending upgrade with an error. */
  private fail(status: number, reason: string, headers: readonly string[] = []) {
    if (this.over || this.answered) return;
    count(this.relay.counters.refused, status);
    this.socket.refuse(status, reason, headers);
    this.finish();
    this.link?.clientClosed(1006, reason);
  }

  private get level() {
    return this.server?.endpoints.get(this.endpointName)?.level ?? 'any';
  }

  private countAt(serverId: string) {
    this.leaveServer();
    this.server = this.relay.server(serverId);
    this.server?.add(this);
  }

  private leaveServer() {
    const { server } = this;
    this.server = undefined;
    server?.delete(this);
  }

  private finish() {
    if (this.over) return;
    this.over = true;
    this.clearTimers();
    this.leaveServer();
    this.relay.forget(this);
    this.relay.migrations.clientGone(this);
  }

  private clearTimers() {
    this.relay.clock.clearTimer(this.holdTimer);
    this.relay.clock.clearTimer(this.answerTimer);
    this.holdTimer = this.answerTimer = undefined;
  }
}

const NONE: ReadonlySet<string> = new Set();
