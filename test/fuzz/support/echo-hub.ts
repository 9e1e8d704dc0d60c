import 'reflect-metadata';
import { Module } from '@nestjs/common';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { MigrationModule } from '../../../lib/migration.module.js';
import { MigrationService } from '../../../lib/migration.service.js';
import type { MigrationOptions } from '../../../lib/options/index.js';

@WebSocketGateway({ path: '/chat' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }
}

/** Keeps the lines instead of printing them. */
export class LineLog implements LoggerService {
  readonly lines: string[] = [];

  log = (message: unknown): void => this.write('log', message);
  warn = (message: unknown): void => this.write('warn', message);
  error = (message: unknown): void => this.write('error', message);

  private write(level: string, message: unknown) {
    this.lines.push(`${level}: ${String(message)}`);
  }
}

export interface EchoHub {
  app: INestApplication;
  migration: MigrationService;
  log: LineLog;
}

/** A hub server with an echo gateway at /chat, in this process. */
export async function startEchoHub(options: MigrationOptions): Promise<EchoHub> {
  class HubModule {}
  Module({
    imports: [MigrationModule.forRoot({ role: 'hub', ...options })],
    providers: [EchoGateway],
  })(HubModule);
  const log = new LineLog();
  const app = await NestFactory.create(HubModule, { logger: log, abortOnError: false });
  await app.init();
  const migration = app.get(MigrationService);
  migration.start();
  return { app, migration, log };
}
