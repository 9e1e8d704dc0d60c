export { MigrationAdminController } from './admin/migration-admin.controller.js';
export { MigrationAdminModule } from './admin/migration-admin.module.js';
export { BatchContext, Suspended } from './gateway/batch/batch-context.js';
export { BatchEnded } from './gateway/batch/batch-ended.js';
export type { BatchEndReason } from './gateway/batch/batch-ended.js';
export { Batch, Checkpoint, OnMigrateResume } from './gateway/batch/batch.decorators.js';
export { ConnectionRefusedException } from './gateway/connection-refused.exception.js';
export { Migratable, OnConnect, OnShutdown } from './gateway/decorators.js';
export type { MigratableOptions } from './gateway/decorators.js';
export { MigrationRefusedException } from './gateway/exceptions/migration-refused.exception.js';
export type { MigrationRefusal } from './gateway/exceptions/migration-refused.exception.js';
export { MigrationTooLateException } from './gateway/exceptions/migration-too-late.exception.js';
export { NoMigrationTargetException } from './gateway/exceptions/no-migration-target.exception.js';
export { NotMigratableException } from './gateway/exceptions/not-migratable.exception.js';
export { RelayUnavailableException } from './gateway/exceptions/relay-unavailable.exception.js';
export { StateTooLargeException } from './gateway/exceptions/state-too-large.exception.js';
export { UnknownConnectionException } from './gateway/exceptions/unknown-connection.exception.js';
export type { Hold, HoldOptions } from './gateway/hold.js';
export { HubClient } from './gateway/hub-client.js';
export { HubServer } from './gateway/hub-server.js';
export { MessageId } from './gateway/message-id.decorator.js';
export { MigrationContext } from './gateway/migration-context.js';
export type { CurrentMessage } from './gateway/migration-context.js';
export {
  OnMigrateIn,
  OnMigrateOut,
  OnMigrationFailed,
  OnMigrationReady,
} from './gateway/migration-hooks.decorators.js';
export { MigrationInterceptor } from './gateway/migration.interceptor.js';
export type {
  FailedMigration,
  LeavingMigration,
  Migration,
  MigrationEvent,
  MigrationRequestOptions,
  MigrationState,
  MigrationStatus,
  PendingMigration,
  ServerSelector,
} from './gateway/migration.js';
export type { StateOptions, StateUpgrade } from './gateway/state/state-definition.js';
export { StateRefusedException } from './gateway/state/state-refused.exception.js';
export type { StateRefusal } from './gateway/state/state-refused.exception.js';
export type { StateTypes } from './gateway/state/type-registry.js';
export type { MigrationTicket } from './hub/migration-requests.service.js';
export { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
export { MigrationModule } from './migration.module.js';
export { MigrationService } from './migration.service.js';
export type { MigrationStats } from './migration.service.js';
export { InvalidMigrationOptionsError } from './options/index.js';
export type {
  AckMode,
  AdminOptions,
  AttentionFormat,
  ContextOptions,
  HubOptions,
  MessageParser,
  MigrationLevel,
  MigrationOptions,
  MigrationRole,
  OptionProblem,
  RelayOptions,
  RequestId,
  ResolvedOptions,
  RoutingCandidate,
  RoutingRequest,
  RoutingStrategy,
  SecurityOptions,
  ShutdownMode,
  ShutdownOptions,
  UnresumableStreams,
} from './options/index.js';
export type { HubServerStats, RelayCounters, RelayStats } from './relay/relay-stats.js';
export { GracefulShutdown } from './shutdown/graceful-shutdown.js';
export type { ShutdownHook } from './shutdown/graceful-shutdown.js';
export type { DrainResult } from './shutdown/shutdown-stages.js';
export { ContextStorage } from './storage/context-storage.js';
export type { StoredContext } from './storage/context-storage.js';
export { ContextStorageUnavailableException } from './storage/context-storage-unavailable.exception.js';
export { MemoryContextStorage } from './storage/memory-context-storage.js';
export type { MemoryContextStorageOptions } from './storage/memory-context-storage.js';
export type { RedisConnection } from './storage/redis-connection.js';
export { RedisContextStorage } from './storage/redis-context-storage.js';
export type { RedisContextStorageOptions } from './storage/redis-context-storage.js';
export { StaleEpochException } from './storage/stale-epoch.exception.js';
