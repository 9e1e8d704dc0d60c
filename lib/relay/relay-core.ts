import type { Clock, RandomSource } from '../protocol/clock.js';
import { headersOf } from '../protocol/headers.js';
import { ContextBudget } from '../protocol/context-budget.js';
import type { ClientRequest, Endpoint, EndpointKey, ServerSelector } from '../protocol/messages.js';
import type { BindingTarget } from '../protocol/relay-binding.js';
import type { RelayLinkBudgets } from '../protocol/relay-link-owner.js';
import type { MigrationResult } from '../protocol/relay-migration.js';
import type { RelaySession } from '../protocol/relay-session.js';
import { RetentionBudget } from '../protocol/retention-budget.js';
import type { Transport } from '../protocol/transport.js';
import { ClientConnection } from './client-connection.js';
import type { ClientSocket } from './client-connection.js';
import type { HubServerEntry } from './hub-server-entry.js';
import { HubServers } from './hub-servers.js';
import { IngressReloads } from './ingress-reloads.js';
import { KnownEndpoints } from './known-endpoints.js';
import { MigrationEvents } from './migration-events.js';
import { MigrationRequests } from './migration-requests.js';
import type { RelayCoreOptions, RelayObserver, ServiceOrigin } from './relay-core-options.js';
import { newCounters } from './relay-stats.js';
import type { RelayStats } from './relay-stats.js';

export type { RelayCoreOptions, RelayObserver, ServiceOrigin } from './relay-core-options.js';

/** Clients closed in one turn when the relay stops. */
const CLOSE_BATCH = 200;

/**
 * The relay without its sockets: hub servers, clients, and the migrations between them. Does no I/O;
 * sockets are handed in as {@link ClientSocket} and {@link Transport}.
 */
export class RelayCore {
  readonly relayId: string;
  readonly budgets: RelayLinkBudgets;
  readonly counters = newCounters();
  readonly ingresses: IngressReloads;
  readonly migrations = new MigrationRequests(this);
  readonly migrationEvents = new MigrationEvents();
  private readonly hubs: HubServers;
  private readonly clients = new Map<string, ClientConnection>();
  private readonly waiting = new Set<ClientConnection>();
  private readonly known = new KnownEndpoints();
  private closed = false;

  constructor(
    readonly options: RelayCoreOptions,
    readonly clock: Clock,
    private readonly random: RandomSource,
    observer: RelayObserver = {},
  ) {
    this.relayId = random.id();
    this.budgets = {
      inbound: new RetentionBudget(options.retainedTotalBytes),
      contexts: new ContextBudget(options.contextTotalBytes),
    };
    this.hubs = new HubServers(this, random, observer);
    const { servers, sessions } = this.hubs;
    this.ingresses = new IngressReloads(
      {
        clock,
        options,
        sessions,
        clients: { [Symbol.iterator]: () => this.clients.values() },
        hasRoute: (serverId) => servers.get(serverId)?.hasRoute ?? false,
        serverName: (serverId) => servers.get(serverId)?.serverName ?? serverId,
      },
      random,
    );
  }

  /** The endpoint for a port and path, when one was ever announced. */
  endpoint(key: EndpointKey): Endpoint | undefined {
    return this.known.find(key);
  }

  /** Makes endpoints known before a hub server announces them: their clients are held for one. */
  announce(endpoints: readonly Endpoint[]): void {
    this.known.add(endpoints);
  }

  /** Whether clients are refused from now on. */
  get stopping(): boolean {
    return this.closed;
  }

  get clientCount(): number {
    return this.clients.size;
  }

  get sessionCount(): number {
    return this.hubs.sessions.size;
  }

  /** By connectionId. */
  get connections(): ReadonlyMap<string, ClientConnection> {
    return this.clients;
  }

  /** By serverId. */
  get hubServers(): ReadonlyMap<string, HubServerEntry> {
    return this.hubs.servers;
  }

  get serviceConnections(): ReadonlySet<RelaySession> {
    return this.hubs.sessions;
  }

  /** Takes a service connection. */
  attach(transport: Transport, origin: ServiceOrigin = {}): RelaySession {
    return this.hubs.attach(transport, origin);
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
    const { inbound, contexts } = this.budgets;
    return {
      relayId: this.relayId,
      clients: this.clients.size,
      waiting: this.waiting.size,
      retainedBytes: inbound.used,
      contextBytes: contexts.used,
      forgottenContexts: contexts.forgotten,
      staleFrames: this.hubs.countStaleFrames(),
      ...structuredClone(this.counters),
      servers: [...this.hubs.servers.values()].map((server) => server.stats()),
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
    this.migrationEvents.end();
    this.hubs.endSessions();
  }

  server(serverId: string): HubServerEntry | undefined {
    return this.hubs.servers.get(serverId);
  }

  /**
   * Chooses a hub server for a connection.
   * @param move to where it is to move, when it comes from another hub server
   */
  selectTarget(
    connection: ClientConnection,
    excluded: ReadonlySet<string>,
    move?: { readonly to: ServerSelector | undefined },
  ): BindingTarget | undefined {
    const candidates = this.hubs.candidates(connection, excluded, move);
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

  hasTarget(
    connection: ClientConnection,
    excluded: ReadonlySet<string>,
    to?: ServerSelector,
  ): boolean {
    return this.hubs.candidates(connection, excluded, { to }).length > 0;
  }

  /** Holds a client until a hub server for its endpoint is there. */
  hold(connection: ClientConnection): void {
    this.waiting.add(connection);
  }

  /** A hub server joined: those that are held are tried. */
  routeWaiting(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const connection of waiting) connection.route();
  }

  forget(connection: ClientConnection): void {
    this.clients.delete(connection.connectionId);
    this.waiting.delete(connection);
  }

  /** A client has come to a server: if that drains already, the client is to move. */
  opened(server: HubServerEntry | undefined): void {
    if (server) this.hubs.opened(server);
  }

  migrationEnded(result: MigrationResult): void {
    this.hubs.migrationEnded(result);
  }
}
