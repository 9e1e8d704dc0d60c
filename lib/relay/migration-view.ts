import type { MigrationState, ServerSelector } from '../protocol/messages.js';
import type { MigrationAttempt, MigrationResult } from '../protocol/relay-migration.js';

/** How far the migration of a connection is, or how the latest one ended. */
export interface MigrationView {
  /** `none` with an attempt that is not 0: that attempt has moved the connection. */
  state: MigrationState;
  /** Number of the attempt; 0 when there was none. */
  attempt: number;
  /** Why it moves or has moved; why it did not. */
  reason?: string;
  /** serverId of the hub server from which it moves or has moved. */
  from?: string;
  /** To which hub server it is to move, when that was asked for; to which it has moved. */
  to?: ServerSelector;
  /** What keeps it from leaving. */
  waitsFor?: string;
  /** What the last target said that refused, or what was waited for when time was up. */
  detail?: string;
}

export const NO_MIGRATION: Readonly<MigrationView> = { state: 'none', attempt: 0 };

export function viewAttempt(it: MigrationAttempt): MigrationView {
  const { state, attempt, from, waitsFor, detail } = it;
  const { reason, to } = it.plan;
  return {
    state,
    attempt,
    reason,
    from,
    ...(to && { to }),
    ...(waitsFor !== undefined && { waitsFor }),
    ...(detail !== undefined && { detail }),
  };
}

export function viewResult(result: MigrationResult): MigrationView {
  const { outcome, attempt, reason, from, wanted, detail } = result;
  const to = result.to === undefined ? wanted : { serverId: result.to };
  return {
    state: outcome === 'moved' ? 'none' : stateAfter(reason),
    attempt,
    reason,
    from,
    ...(to && { to }),
    ...(detail !== undefined && { detail }),
  };
}

/** The state of a connection that did not move. */
export const stateAfter = (reason: string): 'cancelled' | 'failed' =>
  reason === 'cancelled' ? 'cancelled' : 'failed';
