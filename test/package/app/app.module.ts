import { Module } from '@nestjs/common';
import { MigrationModule } from 'nestjs-ws-migration';
import { ChatGateway } from './chat.gateway.js';
import { DeployTool, FullGateway } from './full.gateway.js';

/** Replaced by the modules of the README in the tests. */
@Module({
  imports: [MigrationModule.forRoot()],
  providers: [ChatGateway, FullGateway, DeployTool],
})
export class AppModule {}
