import type { Timer } from '../protocol/clock.js';
import type { RoutingCandidate } from '../options/index.js';
import { endpointName } from '../protocol/endpoint.js';
import type { Endpoint, HandshakeRequest } from '../protocol/messages.js';
import type { RelaySession } from '../protocol/relay-session.js';
import type { ClientConnection } from './client-connection.js';
import type { HubServerStats } from './relay-stats.js';

/** Links that a service connection gets before another one of its ingress is begun. */
const FILLED_LINKS = 250;

/** A hub server that is connected to this relay, with its service connections and its clients. */
export class HubServerEntry {
  readonly serverId: string;
  readonly serverName: string;
  readonly version: string;
  /** When its process started, in milliseconds since 1970, by its own clock. */
  readonly startedAt: number | undefined;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly sessions = new Set<RelaySession>();
  private readonly clients = new Set<ClientConnection>();
  /** How many of them there are of each endpoint. */
  private readonly clientsOf = new Map<string, number>();
  /** Set by FIN: no new client is routed here. */
  draining = false;
  /** Runs while all service connections are lost and the server may return. */
  graceTimer: Timer;

  constructor(hello: HandshakeRequest) {
    this.serverId = hello.serverId;
    this.serverName = hello.serverName;
    this.version = hello.appVersion;
    this.startedAt = hello.startedAt;
    this.endpoints = new Map(hello.endpoints.map((endpoint) => [endpointName(endpoint), endpoint]));
  }

  /** The connections that it has. */
  get connections(): ReadonlySet<ClientConnection> {
    return this.clients;
  }

  /** Notes that it has the connection, which it had not before. */
  add(connection: ClientConnection): void {
    this.clients.add(connection);
    this.count(connection.endpointName, 1);
  }

  delete(connection: ClientConnection): void {
    if (this.clients.delete(connection)) this.count(connection.endpointName, -1);
  }

  /** How many connections of these endpoints it has. */
  connectionsOf(endpoints: Iterable<string>): number {
    let connections = 0;
    for (const endpoint of endpoints) connections += this.clientsOf.get(endpoint) ?? 0;
    return connections;
  }

  /** Whether new connections of this endpoint may be opened here. */
  takes(endpoint: string): boolean {
    return !this.draining && this.endpoints.has(endpoint) && this.session() !== undefined;
  }

  /**
   * The open service connection for one more link. Ingresses share the links evenly. Of the service
   * connections of an ingress, or of those without one, one that is begun is filled first: what
   * shares a service connection shares its writes. One to be avoided only when there is no other.
   * @param besides not this one
   */
  session(besides?: unknown): RelaySession | undefined {
    const linksOf = new Map<string | undefined, number>();
    for (const { ingress, linkCount } of this.sessions) {
      linksOf.set(ingress, (linksOf.get(ingress) ?? 0) + linkCount);
    }
    let best: RelaySession | undefined;
    for (const session of this.sessions) {
      if (!session.canBind || session === besides) continue;
      const more = best && linksOf.get(session.ingress)! - linksOf.get(best.ingress)!;
      if (!best || isBetter(session, best, more!)) best = session;
    }
    return best;
  }

  /** Whether there is a service connection that need not be avoided. */
  get hasRoute(): boolean {
    return this.session()?.avoided === false;
  }

  /** This server as a target: links that are only being opened on it count. */
  candidate(): RoutingCandidate {
    let connections = 0;
    for (const session of this.sessions) connections += session.linkCount;
    const { serverId, serverName, version } = this;
    return { serverId, serverName, version, connections };
  }

  stats(): HubServerStats {
    return {
      serverId: this.serverId,
      serverName: this.serverName,
      version: this.version,
      draining: this.draining,
      connections: this.connections.size,
      serviceConnections: this.sessions.size,
    };
  }

  private count(endpoint: string, more: number) {
    this.clientsOf.set(endpoint, (this.clientsOf.get(endpoint) ?? 0) + more);
  }
}

/** @param more links that its ingress has more than that of the other */
function isBetter(session: RelaySession, other: RelaySession, more: number): boolean {
  if (session.avoided !== other.avoided) return !session.avoided;
  if (session.ingress !== other.ingress && more !== 0) return more < 0;
  const isFull = session.linkCount >= FILLED_LINKS;
  if (isFull !== other.linkCount >= FILLED_LINKS) return !isFull;
  const fewer = session.linkCount - other.linkCount;
  return isFull ? fewer < 0 : fewer > 0;
}
