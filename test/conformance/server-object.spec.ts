import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket, type WebSocketServer as Server } from 'ws';
import { connect, eventually } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('server object on $name', (subject) => {
  it('is injected before afterInit, which runs once before any client', async () => {
    const log: unknown[] = [];
    @WebSocketGateway({ path: '/init' })
    class InitGateway implements OnGatewayInit<Server>, OnGatewayConnection {
      @WebSocketServer()
      server!: Server;

      afterInit(server: Server): void {
        log.push(['init', server === this.server, server.clients.size]);
        server.on('connection', (client: WebSocket, request: IncomingMessage) => {
          log.push(['event', client.readyState, request.url]);
        });
      }

      handleConnection(_client: WebSocket, request: IncomingMessage): void {
        log.push(['hook', this.server.clients.size, request.url]);
      }
    }
    const app = await start(subject, [InitGateway]);
    expect(log).toEqual([['init', true, 0]]);
    await connect(app.url('/init?1'));
    await eventually(() => expect(log.length).toBe(3));
    expect(log.slice(1)).toEqual([
      ['event', 1, '/init?1'],
      ['hook', 1, '/init?1'],
    ]);
    expect(app.app.get(InitGateway).server.path).toBe('/init');
  });

  it('gives the server to every property of every gateway of a path', async () => {
    @WebSocketGateway({ path: '/one' })
    class OneGateway {
      @WebSocketServer()
      server!: Server;

      @WebSocketServer()
      again!: Server;
    }
    @WebSocketGateway({ path: '/one' })
    class OneMoreGateway {
      @WebSocketServer()
      server!: Server;
    }
    @WebSocketGateway({ path: '/two' })
    class TwoGateway {
      @WebSocketServer()
      server!: Server;
    }
    const { app } = await start(subject, [OneGateway, OneMoreGateway, TwoGateway]);
    const one = app.get(OneGateway);
    expect(one.again === one.server).toBe(true);
    expect(app.get(OneMoreGateway).server === one.server).toBe(true);
    expect(app.get(TwoGateway).server === one.server).toBe(false);
  });

  it('broadcasts through its clients', async () => {
    @WebSocketGateway({ path: '/chat' })
    class ChatGateway {
      @WebSocketServer()
      server!: Server;

      @SubscribeMessage('say')
      say(@ConnectedSocket() sender: WebSocket, @MessageBody() text: string): void {
        for (const client of this.server.clients) {
          if (client !== sender && client.readyState === WebSocket.OPEN) {
            client.send(JSON.stringify({ event: 'said', data: text }));
          }
        }
      }

      @SubscribeMessage('all')
      all(): void {
        const frame = Buffer.from('all');
        this.server.clients.forEach((client) => client.send(frame));
      }
    }
    @WebSocketGateway({ path: '/elsewhere' })
    class ElsewhereGateway {
      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [ChatGateway, ElsewhereGateway]);
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(app.url('/chat'))));
    const stranger = await connect(app.url('/elsewhere'));
    const [sender, ...others] = clients;
    await eventually(() => expect(app.app.get(ChatGateway).server.clients.size).toBe(4));
    for (let round = 0; round < 100; round += 1) {
      sender.emit('say', round);
    }
    const expected = Array.from({ length: 100 }, (_, data) => ({ event: 'said', data }));
    for (const other of others) {
      expect(await other.take(100)).toEqual(expected);
    }
    sender.emit('all');
    for (const client of clients) {
      expect(await client.next()).toMatchObject({ text: 'all', isBinary: true });
      expect(client.inbox).toEqual([]);
    }
    expect(await stranger.ask('fine')).toBe('fine');
    expect(stranger.inbox).toEqual([]);
  });

  it('has a client in its set from handleConnection until before handleDisconnect', async () => {
    const log: unknown[] = [];
    @WebSocketGateway({ path: '/set' })
    class SetGateway implements OnGatewayConnection, OnGatewayDisconnect {
      @WebSocketServer()
      server!: Server;

      handleConnection(client: WebSocket): void {
        log.push(['+', this.server.clients.has(client), this.server.clients.size]);
      }

      handleDisconnect(client: WebSocket): void {
        log.push(['-', this.server.clients.has(client), this.server.clients.size]);
      }
    }
    const app = await start(subject, [SetGateway]);
    const { clients } = app.app.get(SetGateway).server;
    expect(clients).toBeInstanceOf(Set);
    const one = await connect(app.url('/set'));
    await eventually(() => expect(clients.size).toBe(1));
    const two = await connect(app.url('/set'));
    await eventually(() => expect(clients.size).toBe(2));
    expect([...clients].map((client) => client.readyState)).toEqual([1, 1]);
    await one.close();
    await eventually(() => expect(log.length).toBe(3));
    two.socket.terminate();
    await eventually(() => expect(log.length).toBe(4));
    expect(log).toEqual([
      ['+', true, 1],
      ['+', true, 2],
      ['-', false, 1],
      ['-', false, 0],
    ]);
    expect(app.app.get(SetGateway).server.clients === clients).toBe(true);
  });

  it('counts many clients that come and go', async () => {
    @WebSocketGateway({ path: '/many' })
    class ManyGateway {
      @WebSocketServer()
      server!: Server;
    }
    const app = await start(subject, [ManyGateway]);
    const { clients } = app.app.get(ManyGateway).server;
    const all = await Promise.all(Array.from({ length: 50 }, () => connect(app.url('/many'))));
    await eventually(() => expect(clients.size).toBe(50));
    await Promise.all(all.slice(0, 30).map((client) => client.close()));
    await eventually(() => expect(clients.size).toBe(20));
    for (const client of clients) {
      client.close(1001, 'all out');
    }
    for (const client of all.slice(30)) {
      expect(await client.closed).toEqual({ code: 1001, reason: 'all out' });
    }
    await eventually(() => expect(clients.size).toBe(0));
  });
});
