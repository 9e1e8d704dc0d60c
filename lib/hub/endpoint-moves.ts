import type { HubClient } from '../gateway/hub-client.js';
import type {
  FailedMigration,
  LeavingMigration,
  Migration,
  PendingMigration,
} from '../gateway/migration.js';
import type { StateDefinition } from '../gateway/state/state-definition.js';
import type { Clock } from '../protocol/clock.js';
import { systemClock } from '../transport/system-clock.js';
import type { StoredContexts } from './stored-contexts.js';

/** A gateway's method for a step of its clients' moves, bound to the gateway. */
export type MigrationHook<Step> = (client: HubClient, migration: Step) => unknown;

/** The methods of an endpoint's gateways, in the order in which they are called. */
export interface MigrationHooks {
  readonly ready: readonly MigrationHook<PendingMigration>[];
  readonly out: readonly MigrationHook<LeavingMigration>[];
  readonly failed: readonly MigrationHook<FailedMigration>[];
  readonly in: readonly MigrationHook<Migration>[];
}

export interface MoveLimits {
  /** Limit of the hooks of one step, in milliseconds. */
  readonly migrationHookMs: number;
  /** Longest hold in milliseconds. */
  readonly holdMs: number;
  /** Largest context in bytes. */
  readonly maxBytes: number;
  /** Shortest time between two checkpoints of a connection, in milliseconds. */
  readonly checkpointMs: number;
}

/** What the connections of an endpoint share for their moves between hub servers. */
export interface EndpointMoves {
  readonly definition: StateDefinition | undefined;
  readonly hooks: MigrationHooks;
  readonly limits: MoveLimits;
  readonly stored: StoredContexts | undefined;
  readonly clock: Clock;
  /** Reports what went wrong with a client. */
  fault(message: string, error?: unknown): void;
}

export const NO_HOOKS: MigrationHooks = { ready: [], out: [], failed: [], in: [] };

/** Of an endpoint whose gateways ask for nothing. */
export const PLAIN_MOVES: EndpointMoves = {
  definition: undefined,
  hooks: NO_HOOKS,
  limits: { migrationHookMs: 5000, holdMs: 30_000, maxBytes: 65_536, checkpointMs: 200 },
  stored: undefined,
  clock: systemClock,
  fault() {},
};
