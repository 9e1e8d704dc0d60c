import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { MigrationAdminModule, MigrationModule } from 'nestjs-ws-migration';
import { migrationConfig } from 'nestjs-ws-migration/config';
import { StatsController } from '../../../02-rolling-deploy/src/stats.controller.js';
import { ExportGateway } from './export.gateway.js';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, load: [migrationConfig] }),
    MigrationModule.forRootAsync(migrationConfig.asProvider()),
    MigrationAdminModule,
  ],
  controllers: [StatsController],
  providers: [ExportGateway],
})
export class AppModule {}
