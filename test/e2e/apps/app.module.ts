import { Module } from '@nestjs/common';
import { ConfigModule, type ConfigType } from '@nestjs/config';
import { MigrationAdminModule, MigrationModule, RedisContextStorage } from 'nestjs-ws-migration';
import { migrationConfig } from 'nestjs-ws-migration/config';
import { createClient } from 'redis';
import { ChatGateway } from './chat.gateway.js';
import { FloodGateway } from './flood.gateway.js';
import { GuardedGateway } from './guarded.gateway.js';
import { FirstHooksGateway, SecondHooksGateway } from './hooks.gateways.js';
import { LimitsGateway } from './limits.gateway.js';
import { ClosingGateway, MovingGateway, WaitingGateway } from './modes.gateways.js';
import { VersionsGateway } from './versions.gateway.js';

const gateways: Record<string, (new () => unknown)[]> = {
  chat: [ChatGateway],
  flood: [FloodGateway],
  guarded: [GuardedGateway],
  modes: [MovingGateway, WaitingGateway, ClosingGateway],
  hooks: [FirstHooksGateway, SecondHooksGateway],
  limits: [LimitsGateway],
  versions: [VersionsGateway],
};

/** The environment's options; contexts are in the Redis of `E2E_REDIS`, if there is one. */
function withStorage() {
  const url = process.env.E2E_REDIS;
  if (url === undefined) return migrationConfig.asProvider();
  return {
    inject: [migrationConfig.KEY],
    useFactory: (options: ConfigType<typeof migrationConfig>) => ({
      ...options,
      context: { ...options.context, storage: new RedisContextStorage(createClient({ url })) },
    }),
  };
}

/** One image for every role: which one it plays is in `MIGRATION_ROLE`. */
@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [migrationConfig] }),
    MigrationModule.forRootAsync(withStorage()),
    MigrationAdminModule,
  ],
  providers: (process.env.E2E_GATEWAYS ?? 'chat').split(',').flatMap((name) => gateways[name]!),
})
export class AppModule {}
