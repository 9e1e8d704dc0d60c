export { MigrationAdminController } from './admin/migration-admin.controller.js';
export { MigrationAdminModule } from './admin/migration-admin.module.js';
export { ConnectionRefusedException } from './gateway/connection-refused.exception.js';
export { Migratable, OnConnect, OnShutdown } from './gateway/decorators.js';
export type { MigratableOptions } from './gateway/decorators.js';
export { HubClient } from './gateway/hub-client.js';
export type { Migration } from './gateway/hub-client.js';
export { HubServer } from './gateway/hub-server.js';
export { MessageId } from './gateway/message-id.decorator.js';
export type { StateUpgrade } from './gateway/state/state-definition.js';
export { StateRefusedException } from './gateway/state/state-refused.exception.js';
export type { StateRefusal } from './gateway/state/state-refused.exception.js';
export type { StateTypes } from './gateway/state/type-registry.js';
export { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
export { MigrationModule } from './migration.module.js';
export { MigrationService } from './migration.service.js';
export type { MigrationStats } from './migration.service.js';
export { InvalidMigrationOptionsError } from './options/index.js';
export type {
  AckMode,
  AdminOptions,
  ContextOptions,
  HubOptions,
  MessageParser,
  MigrationLevel,
  MigrationOptions,
  MigrationRole,
  OptionProblem,
  RelayOptions,
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
