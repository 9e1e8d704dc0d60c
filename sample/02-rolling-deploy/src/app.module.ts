import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MigrationAdminModule, MigrationModule } from 'nestjs-ws-migration';
import { migrationConfig } from 'nestjs-ws-migration/config';
import { Ledger } from './ledger.js';
import { LedgerGateway } from './ledger.gateway.js';
import { StatsController } from './stats.controller.js';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, load: [migrationConfig] }),
    MigrationModule.forRootAsync(migrationConfig.asProvider()),
    MigrationAdminModule,
  ],
  controllers: [StatsController],
  providers: [Ledger, LedgerGateway],
})
export class AppModule {}
