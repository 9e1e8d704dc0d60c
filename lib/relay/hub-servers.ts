import type { RandomSource } from '../protocol/clock.js';
import { endpointName } from '../protocol/endpoint.js';
import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { MessageType } from '../protocol/messages.js';
import type {
  ConnectionsGone,
  Drain,
  HandshakeRequest,
  MigrationAnswer,
  MigrationCommand,
  ReclaimConnections,
  ServerSelector,
} from '../protocol/messages.js';
import type { MigrationResult } from '../protocol/relay-migration.js';
import { RelaySession } from '../protocol/relay-session.js';
import type { Transport } from '../protocol/transport.js';
import type { ClientConnection } from './client-connection.js';
import { HubServerEntry } from './hub-server-entry.js';
import { preferNewest } from './newest-version.js';
import type { RelayObserver, ServiceOrigin } from './relay-core-options.js';
import type { RelayCore } from './relay-core.js';
import { ServerDrain } from './server-drain.js';
import { fits } from './server-selector.js';

/** Time after which a connection whose migration failed is tried again, in milliseconds. */
const RETRY_MS = 200;

/** The hub servers of a relay: their service connections, their drains and their ends. */
export class HubServers {
  /** By serverId. */
  readonly servers = new Map<string, HubServerEntry>();
  readonly sessions = new Set<RelaySession>();
  private readonly drains = new Map<HubServerEntry, ServerDrain>();
  private staleFrames = 0;

  constructor(
    private readonly relay: RelayCore,
    private readonly random: RandomSource,
    private readonly observer: RelayObserver,
  ) {}

  /** Takes a service connection. */
  attach(transport: Transport, origin: ServiceOrigin): RelaySession {
    const { clock, options, relayId } = this.relay;
    const session = new RelaySession(transport, clock, options.handshakeTimeoutMs, {
      relayId,
      sessionId: this.random.id(),
      ...origin,
      established: (it, hello) => this.established(it, hello),
      fin: (it) => this.fin(it),
      drain: (it, message) => this.drain(it, message),
      reclaim: (it, message) => this.reclaim(it, message),
      command: (message) => this.command(message),
      ended: (it, code, reason) => this.sessionEnded(it, code, reason),
      fault: (_, error) => this.observer.fault?.(error),
    });
    this.sessions.add(session);
    return session;
  }

  /**
   * Hub servers on which the connection could be opened; those that need not be avoided, if there are any.
   * @param move to where it is to move, when it comes from another hub server
   */
  candidates(
    { endpointName: endpoint }: ClientConnection,
    excluded: ReadonlySet<string>,
    move?: { readonly to: ServerSelector | undefined },
  ): HubServerEntry[] {
    const servers = [...this.servers.values()].filter((it) => it.endpoints.has(endpoint));
    const free = servers.filter((it) => it.takes(endpoint) && !excluded.has(it.serverId));
    const candidates = move ? chosenFrom(free, servers, move.to) : free;
    const reachable = candidates.filter((server) => server.hasRoute);
    return reachable.length > 0 ? reachable : candidates;
  }

  /** A client has come to a server: if that drains already, the client is to move. */
  opened(server: HubServerEntry): void {
    this.drains.get(server)?.wake();
  }

  migrationEnded(result: MigrationResult): void {
    if (result.outcome !== 'failed') return;
    const server = this.servers.get(result.from);
    const drain = server && this.drains.get(server);
    if (drain) this.relay.clock.setTimer(() => drain.wake(), RETRY_MS);
  }

  /** Frames dropped since the relay started. */
  countStaleFrames(): number {
    let { staleFrames } = this;
    for (const session of this.sessions) staleFrames += session.staleFrames;
    return staleFrames;
  }

  /** Ends all service connections. */
  endSessions(): void {
    for (const session of Array.from(this.sessions)) {
      session.end(ServiceCloseCode.GoingAway, 'the relay is stopping');
    }
  }

  private established(session: RelaySession, hello: HandshakeRequest) {
    const { relay } = this;
    if (relay.stopping) {
      throw new ProtocolError(ServiceCloseCode.GoingAway, 'the relay is stopping');
    }
    let server = this.servers.get(hello.serverId);
    const first = !server;
    if (!server) {
      server = new HubServerEntry(hello);
      this.servers.set(server.serverId, server);
      relay.announce(hello.endpoints);
    }
    server.sessions.add(session);
    relay.ingresses.joined(session);
    relay.clock.clearTimer(server.graceTimer);
    for (const connection of Array.from(server.connections)) connection.serverReturned(session);
    if (first) this.observer.serverJoined?.(server);
    relay.routeWaiting();
    for (const drain of this.drains.values()) drain.wake();
    for (const client of Array.from(relay.connections.values())) client.sessionEstablished(session);
  }

  /** Binds connections to this service connection that lost theirs; names those that are not there. */
  private reclaim(session: RelaySession, message: ReclaimConnections) {
    const gone: ConnectionsGone['connections'] = [];
    for (const { connectionId, epoch } of message.connections) {
      const client = this.relay.connections.get(connectionId);
      if (client?.reclaim(session, epoch)) continue;
      const server = client?.takenBy(epoch);
      gone.push({ connectionId, epoch, ...(server && { server }) });
    }
    if (gone.length > 0) {
      session.sendControl({ type: MessageType.ConnectionsGone, connections: gone });
    }
  }

  private command(message: MigrationCommand): Omit<MigrationAnswer, 'type' | 'request'> {
    const { action, connectionId } = message;
    const { migrations } = this.relay;
    const { result, state, attempt, server, reason, waitsFor } =
      action === 'request'
        ? migrations.request(connectionId, message)
        : migrations[action](connectionId);
    return {
      result,
      state,
      attempt,
      ...(server !== undefined && { server }),
      ...(reason !== undefined && { reason }),
      ...(waitsFor !== undefined && { waitsFor }),
    };
  }

  private fin(session: RelaySession) {
    const server = this.servers.get(session.serverId);
    if (server) server.draining = true;
  }

  private drain(session: RelaySession, message: Drain) {
    const server = this.servers.get(session.serverId);
    if (!server) return;
    server.draining = true;
    let drain = this.drains.get(server);
    if (!drain) {
      const { relay } = this;
      drain = new ServerDrain(relay, server, relay.clock.now() + message.deadlineMs);
      this.drains.set(server, drain);
    }
    drain.add(message.endpoints.map(endpointName));
  }

  private sessionEnded(session: RelaySession, code: number, reason: string) {
    const { clock, options } = this.relay;
    this.sessions.delete(session);
    this.staleFrames += session.staleFrames;
    const server = this.servers.get(session.serverId);
    this.observer.sessionEnded?.(session.serverId, code, reason);
    if (!server?.sessions.delete(session) || server.sessions.size > 0) return;
    // One that said it leaves, or did leave, does not come back.
    const leaves = server.draining || code === ServiceCloseCode.GoingAway;
    const grace = leaves ? 0 : options.hubReconnectGraceMs;
    if (grace === 0 || !this.isAwaited(server)) this.gone(server, reason);
    else server.graceTimer = clock.setTimer(() => this.gone(server, reason), grace);
  }

  /** Whether it has connections, or may still have to say what it sent on those that have left. */
  private isAwaited({ connections, serverId }: HubServerEntry): boolean {
    if (connections.size > 0) return true;
    return [...this.relay.connections.values()].some((client) => client.isLeaving(serverId));
  }

  private gone(server: HubServerEntry, reason: string) {
    this.drains.get(server)?.stop();
    this.drains.delete(server);
    this.remove(server);
    this.observer.serverLeft?.(server, reason);
    for (const connection of Array.from(server.connections)) connection.serverGone();
    for (const client of this.relay.connections.values()) client.leftServerGone(server.serverId);
  }

  private remove(server: HubServerEntry) {
    if (this.servers.get(server.serverId) === server) this.servers.delete(server.serverId);
  }
}

/** Where a connection may go that moves: to whom is asked for, else to what was deployed last. */
function chosenFrom(
  free: HubServerEntry[],
  servers: HubServerEntry[],
  to: ServerSelector | undefined,
): HubServerEntry[] {
  return to ? free.filter((server) => fits(server, to)) : preferNewest(free, servers);
}
