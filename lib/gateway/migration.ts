import type { MigrationState, ServerSelector } from '../protocol/messages.js';

export type { MigrationState, ServerSelector } from '../protocol/messages.js';

/**
 * Where a connection came from or goes to, when it moves between hub servers.
 * @publicApi
 */
export interface Migration {
  /** serverId of the hub server that had the connection before; set on the new server. */
  readonly from?: string;
  /** serverId of the hub server that has the connection now; set on the old server. */
  readonly to?: string;
  /**
   * Why it moves: `shutdown`, `crash`, what was given to `MigrationService.request()`, or `rolledBack`
   * when the new server has to give it back.
   */
  readonly reason: string;
  /** Number of this attempt to move the connection, from 1. */
  readonly attempt: number;
}

/**
 * A connection that is about to leave this hub server.
 * @publicApi
 */
export interface LeavingMigration {
  /** Number of this attempt to move the connection, from 1. */
  readonly attempt: number;
  /** Why it moves. */
  readonly reason: string;
  /** Time that was left for the migration when it was asked for, in milliseconds. */
  readonly deadlineMs: number;
  /** To which hub server it is to move, when that was asked for; any other when absent. */
  readonly to?: ServerSelector;
}

/**
 * What `@OnMigrationReady()` has to decide about: from now until its method is done only the
 * connection's own gateways can call the migration off.
 * @publicApi
 */
export interface PendingMigration extends LeavingMigration {
  /**
   * The connection stays here.
   * @throws MigrationTooLateException when the method is over, or took longer than `hub.migrationHookMs`
   */
  cancel(): void;
  /**
   * Another target; the `@OnMigrationReady()` methods are called again for it.
   * @param to a serverId, or the properties of hub servers that suit
   * @throws MigrationTooLateException as {@link cancel}
   */
  retarget(to: string | ServerSelector): void;
}

/**
 * A migration that did not happen: the connection stays here.
 * @publicApi
 */
export interface FailedMigration {
  /** Number of the attempt. */
  readonly attempt: number;
  /** Why it did not happen: `noTarget`, `refused`, `deadline`, `targetLost`, … */
  readonly reason: string;
  /** What the last target said that refused the connection, or what was waited for when time was up. */
  readonly detail?: string;
}

/**
 * A step of a connection's migration, seen from the hub server that has or had it.
 * @publicApi
 */
export interface MigrationEvent {
  readonly connectionId: string;
  readonly state: MigrationState;
  readonly attempt: number;
  /** Why it moves, or why it did not. */
  readonly reason: string;
  /** To where, when that was asked for. */
  readonly to?: ServerSelector;
  /** What the target said that refused the connection, or what was waited for when time was up. */
  readonly detail?: string;
}

/**
 * How far the migration of a connection is.
 * @publicApi
 */
export interface MigrationStatus {
  readonly connectionId: string;
  readonly state: MigrationState;
  /** Number of the last attempt; 0 when there was none. */
  readonly attempt: number;
  /** serverId of the hub server that has the connection. */
  readonly server?: string;
  /** Why it moves, or did not. */
  readonly reason?: string;
  /** What keeps the connection from leaving. */
  readonly waitsFor?: string;
}

/**
 * What to do when a migration is asked for.
 * @publicApi
 */
export interface MigrationRequestOptions {
  /** A serverId, or the properties of hub servers that suit. @default any other hub server */
  to?: string | ServerSelector;
  /** Time for the migration, in milliseconds. @default `relay.migrationRequestMs` of the relay */
  deadlineMs?: number;
  /** Why, at most 256 characters; `client.migration.reason` on both servers. @default 'requested' */
  reason?: string;
}

/** A selector of the server with this serverId, or the selector that was given. */
export const selectorOf = (to: string | ServerSelector): ServerSelector =>
  typeof to === 'string' ? { serverId: to } : { ...to };
