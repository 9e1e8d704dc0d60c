export const holdLimitInvalid = (limitMs: unknown): string =>
  `client.hold({ limitMs }) must be a number of milliseconds above 0 (got ${String(limitMs)})`;

export const holdExpired = (connectionId: string, reason: string, limitMs: number): string =>
  `Connection ${connectionId} was held for ${limitMs} ms (${reason}); from now on it may move`;

export const hooksTooLong = (connectionId: string, limitMs: number): string =>
  `@OnMigrationReady() and @OnMigrateOut() of connection ${connectionId} took longer than ${limitMs} ms (hub.migrationHookMs); the migration goes on`;

export const leaveHookFailed = (connectionId: string): string =>
  `A migration hook failed for connection ${connectionId}; the migration goes on`;

export const failedHookFailed = (connectionId: string): string =>
  `@OnMigrationFailed() failed for connection ${connectionId}, which stays here`;

export const failedHooksTooLong = (connectionId: string, limitMs: number): string =>
  `@OnMigrationFailed() of connection ${connectionId} took longer than ${limitMs} ms (hub.migrationHookMs); the connection goes on`;

export const arriveHookFailed = (connectionId: string, from: string): string =>
  `@OnMigrateIn() failed for connection ${connectionId}; it goes back to hub server ${from}`;

export const arriveHooksTooLong = (connectionId: string, limitMs: number): string =>
  `@OnMigrateIn() of connection ${connectionId} took longer than ${limitMs} ms (hub.migrationHookMs); the connection goes on`;

export const contextRefused = (connectionId: string, from: string): string =>
  `Connection ${connectionId}, which comes from hub server ${from}, is refused`;

export const moveStepFailed = (connectionId: string): string =>
  `A step of the migration of connection ${connectionId} failed`;

export const noStateClass = (): string =>
  'the connection has a state, but no gateway of its path has a class for it: @Migratable({ state })';

export const cannotMove = (connectionId: string): string =>
  `Connection ${connectionId} cannot move until its state fits again; if this hub server is lost, its client is closed with 1012`;

export const connectionOver = (connectionId: string): string =>
  `Connection ${connectionId} is not on this hub server any more`;

export const notStored = (connectionId: string): string =>
  `The context of connection ${connectionId} is not in the storage`;

export const storageFailed = (what: string, failures: number): string =>
  `context.storage cannot ${what} (${failures} ${failures === 1 ? 'failure' : 'failures'} since it was last said); connections go on, and have what the relay has`;

export const storageRests = (what: string): string =>
  `context.storage cannot ${what}: it failed a moment ago, and is tried again soon`;

export const storageBack = (): string => 'context.storage works again';

export const storageTooLong = (limitMs: number): string => `no answer within ${limitMs} ms`;

export const storedContextUnusable = (connectionId: string): string =>
  `What context.storage has of connection ${connectionId} is no context; what the relay has is used`;

export const UNAVAILABLE = {
  noRelay: 'this process is connected to no relay',
  noAnswer: 'no relay answered in time',
  busy: 'too many requests are under way',
} as const;

export const REFUSED = {
  closing: 'is being closed',
  alreadyThere: 'is on that hub server already',
  nothingToCancel: 'is not asked to move',
} as const;

export const moveRefused = (connectionId: string, why: string): string =>
  `Connection ${connectionId} ${why}`;
