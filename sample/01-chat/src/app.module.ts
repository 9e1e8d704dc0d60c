import { Module } from '@nestjs/common';
import { MigrationModule } from 'nestjs-ws-migration';
import { ChatGateway } from './chat.gateway.js';
import { PageController } from './page.controller.js';

@Module({
  imports: [MigrationModule.forRoot()],
  controllers: [PageController],
  providers: [ChatGateway],
})
export class AppModule {}
