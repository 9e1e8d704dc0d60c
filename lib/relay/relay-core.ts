import type { RoutingStrategy } from '../options/index.js';
import type { Clock, RandomSource } from '../protocol/clock.js';
import { endpointName } from '../protocol/endpoint.js';
import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { headersOf } from '../protocol/headers.js';
import { MessageType } from '../protocol/messages.js';
import type {
  ClientRequest,
  ConnectionsGone,
  Drain,
  Endpoint,
  EndpointKey,
  HandshakeRequest,
  ReclaimConnections,
} from '../protocol/messages.js';
import type { BindingTarget } from '../protocol/relay-binding.js';
import type { RelayLinkLimits } from '../protocol/relay-link-owner.js';
import type { MigrationResult } from '../protocol/relay-migration.js';
import { RelaySession } from '../protocol/relay-session.js';
import { RetentionBudget } from '../protocol/retention-budget.js';
import type { Transport } from '../protocol/transport.js';
import { ClientConnection } from './client-connection.js';
import type { ClientSocket } from './client-connection.js';
import { HubServerEntry } from './hub-server-entry.js';
import { IngressReloads } from './ingress-reloads.js';
import { newCounters } from './relay-stats.js';
import type { RelayStats } from './relay-stats.js';
import { ServerDrain } from './server-drain.js';

/** Time after which a connection whose migration failed is tried again, in milliseconds. */
const RETRY_MS = 200;

/** Endpoints that are remembered after their hub servers left. */
const MAX_KNOWN_ENDPOINTS = 10_000;

/** Clients closed in one turn when the relay stops. */
const CLOSE_BATCH = 200;

export interface RelayCoreOptions extends RelayLinkLimits {
  retainedTotalBytes: number;
  holdUpgradeMs: number;
  handshakeTimeoutMs: number;
  migrationsPerSecond: number;
  /** Time for a hub server whose service connections are all lost to return, in milliseconds. */
  hubReconnectGraceMs: number;
  /** Ingresses that are known before anything comes through them. */
  ingresses: readonly string[];
  /** Whether the reload of an ingress that is the only way to a hub server is refused or waits. */
  lastIngress: 'refuse' | 'wait';
  /** Chooses the hub server of a connection. */
  route: RoutingStrategy;
}

/** What is known of a service connection before its handshake. */
export interface ServiceOrigin {
  /** Whom the transport authenticated, when it did: the only serverId the handshake may name. */
  readonly authenticatedAs?: string | undefined;
  /** The ingress instance that it came through, when it is known. */
  readonly ingress?: string | undefined;
}

/** What happens in a relay, for its log and its listeners. */
export interface RelayObserver {
  /** A hub server announced itself for the first time. */
  serverJoined?(server: HubServerEntry): void;
  serverLeft?(server: HubServerEntry, reason: string): void;
  sessionEnded?(serverId: string, code: number, reason: string): void;
  fault?(error: unknown): void;
}

/**
 * The relay without its sockets: hub servers, clients, and the migrations between them. Does no I/O;
 * sockets are handed in as {@link ClientSocket} and {@link Transport}.
 */
export class RelayCore {
  readonly relayId: string;
  readonly budget: RetentionBudget;
  readonly counters = newCounters();
  readonly ingresses: IngressReloads;
  private readonly servers = new Map<string, HubServerEntry>();
  private readonly drains = new Map<HubServerEntry, ServerDrain>();
  private readonly clients = new Map<string, ClientConnection>();
  private readonly waiting = new Set<ClientConnection>();
  private readonly sessions = new Set<RelaySession>();
  private readonly known = new Map<string, Endpoint>();
  private staleFrames = 0;
  private closed = false;

  constructor(
    readonly options: RelayCoreOptions,
    readonly clock: Clock,
    private readonly random: RandomSource,
    private readonly observer: RelayObserver = {},
  ) {
    this.relayId = random.id();
    this.budget = new RetentionBudget(options.retainedTotalBytes);
    this.ingresses = new IngressReloads(
      {
        clock,
        options,
        sessions: this.sessions,
        clients: { [Symbol.iterator]: () => this.clients.values() },
        hasRoute: (serverId) => this.servers.get(serverId)?.hasRoute ?? false,
        serverName: (serverId) => this.servers.get(serverId)?.serverName ?? serverId,
      },
      random,
    );
  }

  /** The endpoint for a port and path, when one was ever announced. */
  endpoint({ port, path }: EndpointKey): Endpoint | undefined {
    return (
      this.known.get(endpointName({ port, path })) ??
      this.known.get(endpointName({ port, path: '*' }))
    );
  }

  /** Makes endpoints known before a hub server announces them: their clients are held for one. */
  announce(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const key = endpointName(endpoint);
      if (this.known.size < MAX_KNOWN_ENDPOINTS || this.known.has(key))
        this.known.set(key, endpoint);
    }
  }

  /** Whether clients are refused from now on. */
  get stopping(): boolean {
    return this.closed;
  }

  get clientCount(): number {
    return this.clients.size;
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  /** By connectionId. */
  get connections(): ReadonlyMap<string, ClientConnection> {
    return this.clients;
  }

  /** By serverId. */
  get hubServers(): ReadonlyMap<string, HubServerEntry> {
    return this.servers;
  }

  get serviceConnections(): ReadonlySet<RelaySession> {
    return this.sessions;
  }

  /** Takes a service connection. */
  attach(transport: Transport, origin: ServiceOrigin = {}): RelaySession {
    const session = new RelaySession(transport, this.clock, this.options.handshakeTimeoutMs, {
      relayId: this.relayId,
      sessionId: this.random.id(),
      ...origin,
      established: (it, hello) => this.established(it, hello),
      fin: (it) => this.fin(it),
      drain: (it, message) => this.drain(it, message),
      reclaim: (it, message) => this.reclaim(it, message),
      ended: (it, code, reason) => this.sessionEnded(it, code, reason),
      fault: (_, error) => this.observer.fault?.(error),
    });
    this.sessions.add(session);
    return session;
  }

  /**
   * Takes a client's upgrade request; the socket is told when a hub server has decided.
   * @param ingress the ingress instance that the client came through, when it is known
   */
  connect(
    endpoint: EndpointKey,
    request: ClientRequest,
    socket: ClientSocket,
    ingress?: string,
  ): ClientConnection {
    const id = this.random.id();
    const connection = new ClientConnection(this, id, endpoint, request, socket, ingress);
    this.clients.set(connection.connectionId, connection);
    if (this.closed) connection.forceClose(1012, 'the relay is stopping');
    else connection.route();
    return connection;
  }

  stats(): RelayStats {
    let { staleFrames } = this;
    for (const session of this.sessions) staleFrames += session.staleFrames;
    return {
      relayId: this.relayId,
      clients: this.clients.size,
      waiting: this.waiting.size,
      retainedBytes: this.budget.used,
      staleFrames,
      ...structuredClone(this.counters),
      servers: [...this.servers.values()].map((server) => server.stats()),
    };
  }

  /** From now on clients are refused; those that are here are closed with the code, in batches. */
  closeClients(code: number, reason: string): void {
    this.closed = true;
    const left = Array.from(this.clients.values());
    const closeSome = () => {
      for (const client of left.splice(0, CLOSE_BATCH)) client.forceClose(code, reason);
      if (left.length > 0) this.clock.defer(closeSome);
    };
    closeSome();
  }

  /** Ends all service connections. */
  endSessions(): void {
    this.ingresses.stop();
    for (const session of Array.from(this.sessions)) {
      session.end(ServiceCloseCode.GoingAway, 'the relay is stopping');
    }
  }

  server(serverId: string): HubServerEntry | undefined {
    return this.servers.get(serverId);
  }

  selectTarget(
    connection: ClientConnection,
    excluded: ReadonlySet<string>,
  ): BindingTarget | undefined {
    const candidates = this.candidates(connection, excluded);
    if (candidates.length === 0) return undefined;
    const { url, rawHeaders, remoteAddress } = connection.request;
    const chosen = this.options.route(
      candidates.map((server) => server.candidate()),
      {
        url,
        get headers() {
          return headersOf(rawHeaders);
        },
        ip: remoteAddress,
      },
    );
    return candidates.find((server) => server.serverId === chosen?.serverId)?.session();
  }

  hasTarget(connection: ClientConnection, excluded: ReadonlySet<string>): boolean {
    return this.candidates(connection, excluded).length > 0;
  }

  /** Holds a client until a hub server for its endpoint is there. */
  hold(connection: ClientConnection): void {
    this.waiting.add(connection);
  }

  forget(connection: ClientConnection): void {
    this.clients.delete(connection.connectionId);
    this.waiting.delete(connection);
  }

  /** A client has come to a server: if that drains already, the client is to move. */
  opened(server: HubServerEntry | undefined): void {
    if (server) this.drains.get(server)?.wake();
  }

  migrationEnded(_connection: ClientConnection, result: MigrationResult): void {
    if (result.outcome !== 'failed') return;
    const server = this.servers.get(result.from);
    const drain = server && this.drains.get(server);
    if (drain) this.clock.setTimer(() => drain.wake(), RETRY_MS);
  }

  private candidates(connection: ClientConnection, excluded: ReadonlySet<string>) {
    const candidates = [...this.servers.values()].filter(
      (server) => server.takes(connection.endpointName) && !excluded.has(server.serverId),
    );
    const reachable = candidates.filter((server) => server.hasRoute);
    return reachable.length > 0 ? reachable : candidates;
  }

  private established(session: RelaySession, hello: HandshakeRequest) {
    if (this.closed) {
      throw new ProtocolError(ServiceCloseCode.GoingAway, 'the relay is stopping');
    }
    let server = this.servers.get(hello.serverId);
    const first = !server;
    if (!server) {
      server = new HubServerEntry(hello);
      this.servers.set(server.serverId, server);
      this.announce(hello.endpoints);
    }
    server.sessions.add(session);
    this.ingresses.joined(session);
    this.clock.clearTimer(server.graceTimer);
    for (const connection of Array.from(server.connections)) connection.serverReturned(session);
    if (first) this.observer.serverJoined?.(server);
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const connection of waiting) connection.route();
    for (const drain of this.drains.values()) drain.wake();
    for (const client of Array.from(this.clients.values())) client.retryTakeover();
  }

  /** Binds connections to this service connection that lost theirs; names those that are not there. */
  private reclaim(session: RelaySession, message: ReclaimConnections) {
    const gone: ConnectionsGone['connections'] = [];
    for (const { connectionId, epoch } of message.connections) {
      const client = this.clients.get(connectionId);
      if (client?.reclaim(session, epoch)) continue;
      const server = client?.takenBy(epoch);
      gone.push({ connectionId, epoch, ...(server && { server }) });
    }
    if (gone.length > 0) {
      session.sendControl({ type: MessageType.ConnectionsGone, connections: gone });
    }
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
      drain = new ServerDrain(this, server, this.clock.now() + message.deadlineMs);
      this.drains.set(server, drain);
    }
    drain.add(message.endpoints.map(endpointName));
  }

  private sessionEnded(session: RelaySession, code: number, reason: string) {
    this.sessions.delete(session);
    this.staleFrames += session.staleFrames;
    const server = this.servers.get(session.serverId);
    this.observer.sessionEnded?.(session.serverId, code, reason);
    if (!server?.sessions.delete(session) || server.sessions.size > 0) return;
    // One that said it leaves, or did leave, does not come back.
    const leaves = server.draining || code === ServiceCloseCode.GoingAway;
    const grace = leaves ? 0 : this.options.hubReconnectGraceMs;
    if (server.connections.size === 0 || grace === 0) this.gone(server, reason);
    else server.graceTimer = this.clock.setTimer(() => this.gone(server, reason), grace);
  }

  private gone(server: HubServerEntry, reason: string) {
    this.drains.get(server)?.stop();
    this.drains.delete(server);
    this.remove(server);
    this.observer.serverLeft?.(server, reason);
    for (const connection of Array.from(server.connections)) connection.serverGone();
    for (const client of this.clients.values()) client.leftServerGone(server.serverId);
  }

  private remove(server: HubServerEntry) {
    if (this.servers.get(server.serverId) === server) this.servers.delete(server.serverId);
  }
}
