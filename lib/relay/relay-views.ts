import type { EndpointKey } from '../protocol/messages.js';
import type { RelaySession } from '../protocol/relay-session.js';
import type { ClientConnection } from './client-connection.js';
import type { HubServerEntry } from './hub-server-entry.js';
import { NO_MIGRATION } from './migration-view.js';
import type { MigrationView } from './migration-view.js';
import type { RelayCore } from './relay-core.js';
import type { HubServerStats } from './relay-stats.js';
import { SmallestNames } from './smallest-names.js';

/** A hub server, and what it serves. */
export interface ServerView extends HubServerStats {
  /** Gateways it announced. Port 0 is the relay's application port, path `*` any path. */
  endpoints: EndpointKey[];
}

/**
 * - `connecting`: the handshake is not complete.
 * - `open`: it carries links.
 * - `closing`: it was ended, its socket is not closed yet.
 */
export type ServiceConnectionState = 'connecting' | 'open' | 'closing';

/** A service connection. */
export interface ServiceConnectionView {
  id: string;
  state: ServiceConnectionState;
  /** serverId of its hub server, known from the handshake on. */
  server?: string;
  /** The ingress instance that it came through, when it is known. */
  ingress?: string;
  /** Client connections on it. */
  links: number;
  /** Its ingress is being reloaded: links go elsewhere, if they can. */
  avoided: boolean;
}

/** States in which a client connection can be; of several that are true it is the last. */
export const CONNECTION_STATES = ['opening', 'open', 'closing', 'moving', 'detached'] as const;

/**
 * - `opening`: no hub server has accepted the client yet.
 * - `open`: a hub server serves it.
 * - `closing`: the client or its gateway closes it.
 * - `moving`: it is on its way to another hub server or service connection.
 * - `detached`: its service connection is lost; it waits for another one.
 */
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** A client connection. */
export interface ConnectionView {
  connectionId: string;
  state: ConnectionState;
  /** The gateway that the client asked for. Port 0 is the relay's application port. */
  endpoint: EndpointKey;
  /** The client's address: the peer's, or the one that a trusted proxy named. */
  address: string;
  /** The ingress instance that the client came through, when it is known. */
  ingress?: string;
  /** serverId of the hub server that has the connection. */
  server?: string;
  /** id of the service connection that carries its link; absent while none does, as the next two. */
  serviceConnection?: string;
  /** Number of the link on that service connection. */
  link?: number;
  /** Grows with every binding to a hub server or service connection. */
  epoch?: number;
  /** Bytes of the client's messages that are retained until they are handled. */
  retainedBytes: number;
  /** Whether the application lets it move to another hub server. */
  migratable: boolean;
  /** The present or latest migration. */
  migration?: MigrationView;
}

export interface ConnectionsQuery {
  readonly server?: string | undefined;
  readonly ingress?: string | undefined;
  readonly state?: ConnectionState | undefined;
  /** Only connections whose id comes after this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface ConnectionsPage {
  /** In the order of their ids. */
  connections: ConnectionView[];
  /** What to ask for as `after` for the next page; absent on the last one. */
  next?: string;
}

export function listServers(core: RelayCore): ServerView[] {
  return Array.from(core.hubServers.values(), viewServer);
}

export function findServer(core: RelayCore, serverId: string): ServerView | undefined {
  const server = core.hubServers.get(serverId);
  return server && viewServer(server);
}

export function listServiceConnections(core: RelayCore): ServiceConnectionView[] {
  return Array.from(core.serviceConnections, viewServiceConnection);
}

export function findConnection(core: RelayCore, connectionId: string): ConnectionView | undefined {
  const connection = core.connections.get(connectionId);
  return connection && viewConnection(core, connection);
}

/** A page of the connections that are as asked for, without sorting all there are. */
export function listConnections(core: RelayCore, query: ConnectionsQuery): ConnectionsPage {
  const { after = '', limit } = query;
  const names = new SmallestNames(limit + 1);
  for (const connection of core.connections.values()) {
    const { connectionId } = connection;
    if (connectionId > after && names.wants(connectionId) && isAsked(connection, query)) {
      names.add(connectionId);
    }
  }
  const ids = names.sorted.slice(0, limit);
  const next = names.sorted.length > limit ? ids.at(-1) : undefined;
  return {
    connections: ids.map((id) => viewConnection(core, core.connections.get(id)!)),
    ...(next !== undefined && { next }),
  };
}

function isAsked(connection: ClientConnection, { server, ingress, state }: ConnectionsQuery) {
  return (
    (server === undefined || connection.serverId === server) &&
    (ingress === undefined || connection.ingress === ingress) &&
    (state === undefined || stateOf(connection) === state)
  );
}

function viewServer(server: HubServerEntry): ServerView {
  const endpoints = Array.from(server.endpoints.values(), ({ port, path }) => ({ port, path }));
  return { ...server.stats(), endpoints };
}

function viewServiceConnection(session: RelaySession): ServiceConnectionView {
  const { id, hello, open, ingress, linkCount, avoided } = session;
  return {
    id,
    state: open ? 'open' : hello ? 'closing' : 'connecting',
    ...(hello && { server: hello.serverId }),
    ...(ingress !== undefined && { ingress }),
    links: linkCount,
    avoided,
  };
}

function viewConnection(core: RelayCore, connection: ClientConnection): ConnectionView {
  const migration = core.migrations.viewOf(connection);
  const { connectionId, endpoint, request, ingress, serverId, session, currentLink } = connection;
  const binding = currentLink?.binding;
  return {
    connectionId,
    state: stateOf(connection),
    endpoint: { port: endpoint.port, path: endpoint.path },
    address: request.remoteAddress,
    ...(ingress !== undefined && { ingress }),
    ...(serverId !== undefined && { server: serverId }),
    ...(session?.id !== undefined && { serviceConnection: session.id }),
    ...(binding && { link: binding.number, epoch: binding.epoch }),
    retainedBytes: currentLink?.retainedBytes ?? 0,
    migratable: connection.mayBeMoved,
    ...(migration !== NO_MIGRATION && { migration }),
  };
}

function stateOf({ currentLink, moving }: ClientConnection): ConnectionState {
  if (currentLink?.detached) return 'detached';
  if (moving) return 'moving';
  return currentLink?.phase ?? 'opening';
}
