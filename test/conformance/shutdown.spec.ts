import type { BeforeApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import {
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import { connect, eventually } from './support/client.js';
import { start } from './support/harness.js';
import { expectationOf } from './support/subject.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('shutdown on $name', (subject) => {
  it('serves in onModuleDestroy and ends every client by app.close()', async () => {
    const disconnects: WebSocket[] = [];
    const log: string[] = [];
    @WebSocketGateway({ path: '/closing' })
    class ClosingGateway
      implements OnModuleDestroy, BeforeApplicationShutdown, OnGatewayDisconnect
    {
      @WebSocketServer()
      server!: Server;

      onModuleDestroy(): void {
        log.push(`destroy ${this.server.clients.size}`);
        this.server.clients.forEach((client) => client.send('"closing"'));
      }

      beforeApplicationShutdown(): void {
        log.push('before shutdown');
      }

      onApplicationShutdown(): void {
        log.push(`shutdown ${this.server.clients.size}`);
      }

      handleDisconnect(client: WebSocket): void {
        disconnects.push(client);
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [ClosingGateway]);
    const clients = await Promise.all([1, 2, 3].map(() => connect(app.url('/closing'))));
    for (const client of clients) {
      expect(await client.ask('fine')).toBe('fine');
    }
    await app.close();
    // Stock cuts the sockets, so that nobody knows why; ours says "service restart".
    const code = expectationOf(subject, { stock: 1006, both: 1012, split: 1012 });
    for (const client of clients) {
      expect((await client.closed).code).toBe(code);
      expect(client.inbox.map(({ json }) => json)).toEqual(['closing']);
    }
    await eventually(() => expect(new Set(disconnects).size).toBe(3));
    expect(disconnects.length).toBe(3);
    expect(log).toEqual(['destroy 3', 'before shutdown', 'shutdown 0']);
    // Again, and without an effect.
    await app.app.close();
    expect(disconnects.length).toBe(3);
  });

  it('closes without a client, twice', async () => {
    @WebSocketGateway({ path: '/idle' })
    class IdleGateway {}
    const app = await start(subject, [IdleGateway]);
    await app.close();
    await app.app.close();
  });
});
