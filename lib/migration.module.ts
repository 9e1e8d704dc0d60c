import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { AdminRelay } from './admin/admin-relay.js';
import { DirectHandlers } from './hub/direct-handlers.js';
import { GatewayExplorer } from './hub/gateway-explorer.js';
import { MigrationRequests } from './hub/migration-requests.service.js';
import { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
import { MigrationService } from './migration.service.js';
import { RESOLVED_OPTIONS } from './migration.tokens.js';
import { resolveOptions } from './options/index.js';
import type { MigrationOptions, ResolvedOptions } from './options/index.js';
import { GracefulShutdown } from './shutdown/graceful-shutdown.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<MigrationOptions>({ moduleName: 'Migration' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createMigrationOptions')
    .build();

/**
 * Holds the providers. It is not global: Nest calls the shutdown hooks of global modules last, and
 * clients are to leave while the application's resources are still there.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: RESOLVED_OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: MigrationOptions) => resolveOptions(options),
    },
    {
      provide: MigrationWsAdapter,
      inject: [RESOLVED_OPTIONS],
      useFactory: (options: ResolvedOptions) => new MigrationWsAdapter(options.hub.messageParser),
    },
    GatewayExplorer,
    DirectHandlers,
    AdminRelay,
    GracefulShutdown,
    MigrationRequests,
    MigrationService,
  ],
  exports: [MigrationService, GracefulShutdown, MigrationWsAdapter, AdminRelay, RESOLVED_OPTIONS],
})
class MigrationCoreModule extends ConfigurableModuleClass {}

/**
 * Makes the application a relay, a hub server, or both, and sets its WebSocket adapter. Import it
 * once, in the root module; what it exports is available everywhere.
 * @publicApi
 */
@Module({})
export class MigrationModule {
  /**
   * @param options see {@link MigrationOptions}; all are optional
   * @throws InvalidMigrationOptionsError at start, naming every wrong value
   */
  static forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return MigrationModule.around(MigrationCoreModule.forRoot(options));
  }

  /** Options from a factory, a class or an existing provider, such as `migrationConfig.asProvider()`. */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return MigrationModule.around(MigrationCoreModule.forRootAsync(options));
  }

  private static around(core: DynamicModule): DynamicModule {
    return {
      module: MigrationModule,
      global: true,
      imports: [core],
      exports: [MigrationCoreModule],
    };
  }
}
