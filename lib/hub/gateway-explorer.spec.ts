import 'reflect-metadata';
import { Injectable, Scope } from '@nestjs/common';
import type { Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import { Migratable, OnConnect, OnShutdown } from '../gateway/decorators.js';
import {
  OnMigrateIn,
  OnMigrateOut,
  OnMigrationFailed,
  OnMigrationReady,
} from '../gateway/migration-hooks.decorators.js';
import { GatewayExplorer } from './gateway-explorer.js';

async function explore(...providers: Provider[]) {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [GatewayExplorer, ...providers],
  }).compile();
  return module.get(GatewayExplorer).explore();
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {}

abstract class Base {
  @OnConnect()
  inherited() {
    return this.constructor.name;
  }
}

@WebSocketGateway(81, { path: 'chat/' })
@Migratable({ ack: 'received' })
class ChatGateway extends Base {
  name = 'chat';

  @OnConnect()
  own() {
    return this.name;
  }

  @OnShutdown()
  goodbye() {
    return `bye ${this.name}`;
  }

  get accessor(): string {
    throw new Error('must not be read');
  }
}

@WebSocketGateway()
class PlainGateway {}

describe('GatewayExplorer', () => {
  it('finds gateways, with what they ask for, and no other provider', async () => {
    const found = await explore(
      ChatGateway,
      PlainGateway,
      { provide: 'value', useValue: 5 },
      { provide: 'factory', useFactory: () => new ChatGateway() },
      { provide: 'alias', useExisting: ChatGateway },
    );
    expect(found).toMatchObject([
      { name: 'ChatGateway', endpoint: { port: 81, path: '/chat' }, options: { ack: 'received' } },
      { name: 'PlainGateway', endpoint: { port: 0, path: '/' }, options: {}, onConnect: [] },
    ]);
  });

  it('binds methods to the gateway, inherited ones too', async () => {
    const [chat] = await explore(ChatGateway);
    expect(chat!.onConnect.map((hook) => hook(undefined as never))).toEqual([
      'chat',
      'ChatGateway',
    ]);
    expect(chat!.onShutdown.map((hook) => hook())).toEqual(['bye chat']);
  });

  it('finds the hooks of migrations', async () => {
    @WebSocketGateway()
    class Hooked {
      name = 'hooked';
      @OnMigrationReady()
      first() {
        return `${this.name} ready`;
      }
      @OnMigrateOut()
      out() {}
      @OnMigrationFailed()
      failed() {}
      @OnMigrateIn()
      in() {}
    }
    const [found] = await explore(Hooked);
    const { ready, out, failed, in: arriving } = found!.hooks;
    expect(ready.map((hook) => hook(undefined as never, undefined as never))).toEqual([
      'hooked ready',
    ]);
    expect([out, failed, arriving].map(({ length }) => length)).toEqual([1, 1, 1]);
  });

  it('takes request-scoped gateways without hooks', async () => {
    @WebSocketGateway()
    class Scoped {
      constructor(readonly dependency: PerRequest) {}
    }
    expect(await explore(PerRequest, Scoped)).toHaveLength(1);
  });

  it.each([
    ['by its dependency', OnConnect],
    ['by its dependency', OnShutdown],
    ['by its dependency', OnMigrationReady],
    ['by its dependency', OnMigrateIn],
  ])('refuses a hook on a gateway that is request-scoped %s', async (_, decorator) => {
    @WebSocketGateway()
    class Scoped {
      constructor(readonly dependency: PerRequest) {}

      @decorator()
      hook() {}
    }
    await expect(explore(PerRequest, Scoped)).rejects.toThrow(
      /Scoped\.hook\(\) .* must not be request-scoped\. Remove the request scope .* or move the method to another gateway/,
    );
  });

  it('refuses a hook on a gateway that is request-scoped itself', async () => {
    @Injectable({ scope: Scope.REQUEST })
    @WebSocketGateway()
    class Scoped {
      @OnConnect()
      hook() {}
    }
    await expect(explore(Scoped)).rejects.toThrow('Scoped must not be request-scoped');
  });
});
