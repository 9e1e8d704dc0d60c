import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MigrationModule } from '../migration.module.js';
import { MessageId } from './message-id.decorator.js';

const slowGuard = {
  canActivate: () => new Promise<boolean>((resolve) => setImmediate(resolve, true)),
};

@WebSocketGateway({ path: '/ids' })
class IdGateway {
  @SubscribeMessage('id')
  @UseGuards(slowGuard)
  id(@MessageBody() n: number, @MessageId() id: string) {
    return { event: 'id', data: { n, id } };
  }
}

let app: INestApplication | undefined;
afterEach(() => app?.close());

it('MessageId is the connection id and the number of the message, also behind a slow guard', async () => {
  @Module({ imports: [MigrationModule.forRoot()], providers: [IdGateway] })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}/ids`);
  const answers: { n: number; id: string }[] = [];
  await new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('open', () => {
      for (const n of [1, 2, 3]) client.send(JSON.stringify({ event: 'id', data: n }));
    });
    client.on('message', (data) => {
      answers.push((JSON.parse(String(data)) as { data: { n: number; id: string } }).data);
      if (answers.length === 3) resolve();
    });
  });
  client.terminate();
  const [first] = answers;
  const connectionId = first!.id.slice(0, first!.id.lastIndexOf(':'));
  expect(connectionId.length).toBeGreaterThan(16);
  expect(answers).toEqual([1, 2, 3].map((n) => ({ n, id: `${connectionId}:${n}` })));
});
