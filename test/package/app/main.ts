import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  process.stdin.once('data', () => void app.close());
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  console.log(`PORT=${port}`);
}

void bootstrap();
