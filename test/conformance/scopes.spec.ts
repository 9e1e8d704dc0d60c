import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import {
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import { connect, eventually } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('request scope on $name', (subject) => {
  it('makes one gateway per connection, from its first event to its disconnect', async () => {
    let made = 0;
    const log: string[] = [];
    @WebSocketGateway({ path: '/scoped' })
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGateway implements OnGatewayConnection, OnGatewayDisconnect {
      @WebSocketServer()
      server!: Server;

      readonly id = ++made;
      private messages = 0;
      private url?: string;

      constructor(@Inject(REQUEST) private readonly connection: WebSocket) {}

      handleConnection(client: WebSocket, request: IncomingMessage): void {
        this.url = request.url;
        log.push(`+${this.url} ${client === this.connection}`);
      }

      handleDisconnect(client: WebSocket, code: unknown): void {
        log.push(`-${this.url} ${client === this.connection} ${String(code)}`);
      }

      @SubscribeMessage('count')
      count(): unknown {
        this.messages += 1;
        const { id, url, messages } = this;
        return { id, url, messages, clients: this.server.clients.size };
      }
    }
    const app = await start(subject, [ScopedGateway]);
    const one = await connect(app.url('/scoped?one'));
    await eventually(() => expect(log).toEqual(['+/scoped?one true']));
    const two = await connect(app.url('/scoped?two'));
    await eventually(() => expect(log).toEqual(['+/scoped?one true', '+/scoped?two true']));
    const first = (await one.ask('count')) as { id: number };
    const second = (await two.ask('count')) as { id: number };
    expect(first).toMatchObject({ url: '/scoped?one', messages: 1, clients: 2 });
    expect(second).toMatchObject({ url: '/scoped?two', messages: 1, clients: 2 });
    expect(first.id).not.toBe(second.id);
    expect(await one.ask('count')).toMatchObject({ id: first.id, messages: 2 });
    expect(made).toBe(2);
    await one.close(4001);
    await eventually(() => expect(log[2]).toBe('-/scoped?one true 4001'));
    expect(await two.ask('count')).toMatchObject({ id: second.id, messages: 2, clients: 1 });
  });

  it('shares request-scoped providers between the handlers of a connection', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Basket {
      readonly items: string[] = [];
    }
    @Module({ providers: [Basket], exports: [Basket] })
    class BasketModule {}
    @WebSocketGateway({ path: '/basket' })
    class BasketGateway {
      constructor(@Inject(Basket) private readonly basket: Basket) {}

      @SubscribeMessage('add')
      add(@MessageBody() item: string): string[] {
        this.basket.items.push(item);
        return this.basket.items;
      }

      @SubscribeMessage('clear')
      clear(): never {
        this.basket.items.length = 0;
        throw new WsException('cleared');
      }
    }
    const app = await start(subject, [BasketGateway], { imports: [BasketModule] });
    const [one, two] = [await connect(app.url('/basket')), await connect(app.url('/basket'))];
    expect(await one.ask('add', 'apple')).toEqual(['apple']);
    expect(await two.ask('add', 'pear')).toEqual(['pear']);
    expect(await one.ask('add', 'plum')).toEqual(['apple', 'plum']);
    expect(await one.ask('clear')).toMatchObject({ data: { message: 'cleared' } });
    expect(await one.ask('add', 'fig')).toEqual(['fig']);
    expect(await two.ask('add', 'kiwi')).toEqual(['pear', 'kiwi']);
  });

  it('makes transient providers per gateway, not per message', async () => {
    let made = 0;
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      readonly id = ++made;
    }
    @WebSocketGateway({ path: '/transient' })
    class TransientGateway {
      constructor(@Inject(Transient) private readonly transient: Transient) {}

      @SubscribeMessage('id')
      id(): number {
        return this.transient.id;
      }
    }
    const app = await start(subject, [TransientGateway, Transient]);
    const [one, two] = [await connect(app.url('/transient')), await connect(app.url('/transient'))];
    const id = await one.ask('id');
    expect([await one.ask('id'), await two.ask('id')]).toEqual([id, id]);
  });

  it('reports a provider that fails to a client, and serves the others', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Picky {
      constructor(@Inject(REQUEST) connection: WebSocket) {
        if (connection.protocol !== 'good') {
          throw new WsException({ message: 'not good' });
        }
      }
    }
    @WebSocketGateway({ path: '/picky' })
    class PickyGateway {
      constructor(@Inject(Picky) readonly picky: Picky) {}

      // Without the hooks Nest has no filter for their failure: an unhandled rejection.
      handleConnection(): void {}

      handleDisconnect(): void {}

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [PickyGateway, Picky]);
    const bad = await connect(app.url('/picky'), ['bad']);
    const good = await connect(app.url('/picky'), ['good']);
    const refusal = { event: 'exception', data: { message: 'not good' } };
    expect(await bad.json()).toEqual(refusal);
    expect(await bad.ask('fine')).toEqual(refusal);
    expect(await good.ask('fine')).toBe('fine');
  });
});
