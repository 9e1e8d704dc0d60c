import { Module } from '@nestjs/common';
import { MigrationModule } from 'nestjs-ws-migration';
import { ChatGateway } from './chat.gateway.js';

/** An app that had gateways before; the import is all that was added. */
@Module({
  imports: [MigrationModule.forRoot()],
  providers: [ChatGateway],
})
export class ExistingModule {}
