import { SetMetadata } from '@nestjs/common';

export const ON_MIGRATION_READY = 'nestjs-ws-migration:on-migration-ready';
export const ON_MIGRATION_FAILED = 'nestjs-ws-migration:on-migration-failed';
export const ON_MIGRATE_IN = 'nestjs-ws-migration:on-migrate-in';
export const ON_MIGRATE_OUT = 'nestjs-ws-migration:on-migrate-out';

/**
 * Method decorator of a gateway: called with the client and a `PendingMigration` when the client could
 * leave for another hub server: all its handlers are done and no message is handed to them. It may
 * cancel, choose another target, or prepare the client. What it returns is awaited.
 *
 * Limit: `hub.migrationHookMs`, together with `@OnMigrateOut()`; after it, and when the method throws,
 * the migration goes on.
 * @publicApi
 */
export const OnMigrationReady = (): MethodDecorator => SetMetadata(ON_MIGRATION_READY, true);

/**
 * Method decorator of a gateway: called with the client and a `FailedMigration` when the client could
 * not move and stays here. Messages and unfinished batches wait for what it returns, at most
 * `hub.migrationHookMs`. Not called for a migration that was cancelled.
 * @publicApi
 */
export const OnMigrationFailed = (): MethodDecorator => SetMetadata(ON_MIGRATION_FAILED, true);

/**
 * Method decorator of a gateway: called with the client and its `Migration` when the client arrives
 * from another hub server, after `handleConnection`. Messages wait for what it returns, at most
 * `hub.migrationHookMs`. When it throws, this server refuses the client, which stays where it was or
 * is offered to another one.
 * @publicApi
 */
export const OnMigrateIn = (): MethodDecorator => SetMetadata(ON_MIGRATE_IN, true);

/**
 * Method decorator of a gateway: called with the client and a `LeavingMigration` once it is decided
 * that the client is offered to another hub server, and before its state is taken. Its limit is that
 * of `@OnMigrationReady()`: when that method took all of it, this one is not called. The migration can
 * still fail: `@OnMigrationFailed()` says so.
 * @publicApi
 */
export const OnMigrateOut = (): MethodDecorator => SetMetadata(ON_MIGRATE_OUT, true);
