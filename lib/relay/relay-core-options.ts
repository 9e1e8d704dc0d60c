import type { RoutingStrategy } from '../options/index.js';
import type { RelayLinkLimits } from '../protocol/relay-link-owner.js';
import type { HubServerEntry } from './hub-server-entry.js';

export interface RelayCoreOptions extends RelayLinkLimits {
  retainedTotalBytes: number;
  holdUpgradeMs: number;
  handshakeTimeoutMs: number;
  migrationsPerSecond: number;
  /** Time for a migration that was asked for without saying how much, in milliseconds. */
  migrationRequestMs: number;
  /** Bytes of checkpoints kept in total. */
  contextTotalBytes: number;
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
