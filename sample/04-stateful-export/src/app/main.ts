import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MigrationService } from 'nestjs-ws-migration';
import { AppModule } from './app.module.js';

const logger = new Logger('StatefulExport');
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();

const migration = app.get(MigrationService);
if (migration.role === 'hub') {
  await app.init();
  migration.start();
  logger.log(`hub server ${migration.serverId} started`);
} else {
  await app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');
  logger.log(`${migration.role} listening on ${await app.getUrl()}`);
}
