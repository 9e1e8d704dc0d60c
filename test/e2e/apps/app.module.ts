import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MigrationModule } from 'nestjs-ws-migration';
import { migrationConfig } from 'nestjs-ws-migration/config';
import { ChatGateway } from './chat.gateway.js';
import { FloodGateway } from './flood.gateway.js';
import { GuardedGateway } from './guarded.gateway.js';
import { FirstHooksGateway, SecondHooksGateway } from './hooks.gateways.js';
import { ClosingGateway, MovingGateway, WaitingGateway } from './modes.gateways.js';

const gateways: Record<string, (new () => unknown)[]> = {
  chat: [ChatGateway],
  flood: [FloodGateway],
  guarded: [GuardedGateway],
  modes: [MovingGateway, WaitingGateway, ClosingGateway],
  hooks: [FirstHooksGateway, SecondHooksGateway],
};

/** One image for every role: which one it plays is in `MIGRATION_ROLE`. */
@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [migrationConfig] }),
    MigrationModule.forRootAsync(migrationConfig.asProvider()),
  ],
  providers: (process.env.E2E_GATEWAYS ?? 'chat').split(',').flatMap((name) => gateways[name]!),
})
export class AppModule {}
