import 'reflect-metadata';
import { Injectable, UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { map, Observable, of, timer } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, HubApps } from '../../test/support/hub-apps.js';
import type { TestClient } from '../../test/support/relay-fixture.js';
import { until } from '../../test/support/until.js';
import { MigrationContext } from './migration-context.js';
import { MigrationInterceptor } from './migration.interceptor.js';

/** What a service far below a handler knows. */
function told() {
  const current = MigrationContext.current();
  if (!current) return 'nothing';
  const { client, migration, messageId } = current;
  return [client.connectionId.length > 0, migration, messageId?.split(':')[1]];
}

@Injectable()
class Other implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    const before = told();
    return next.handle().pipe(map((data) => ({ before, data })));
  }
}

class Handlers {
  @SubscribeMessage('promise')
  async promise() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { data: told() };
  }

  @SubscribeMessage('observable')
  observable() {
    return new Observable((subscriber) => {
      const sub = timer(1)
        .pipe(map(() => ({ data: told() })))
        .subscribe(subscriber);
      return sub;
    });
  }

  @SubscribeMessage('value')
  value() {
    return of({ data: told() });
  }
}

@WebSocketGateway({ path: '/global' })
class GlobalGateway extends Handlers {}

@WebSocketGateway({ path: '/before' })
@UseInterceptors(Other, MigrationInterceptor)
class OtherFirst extends Handlers {}

@WebSocketGateway({ path: '/after' })
@UseInterceptors(MigrationInterceptor, Other)
class OtherLast extends Handlers {}

@WebSocketGateway({ path: '/none' })
class WithoutInterceptor extends Handlers {}

describe('MigrationInterceptor', () => {
  let apps: HubApps;
  const clients = new Map<string, TestClient>();

  beforeAll(async () => {
    apps = await HubApps.start();
    await apps.hub([OtherFirst, OtherLast, WithoutInterceptor]);
    await apps.hub([GlobalGateway, { provide: APP_INTERCEPTOR, useClass: MigrationInterceptor }]);
    for (const path of ['/global', '/before', '/after', '/none']) {
      clients.set(path, await apps.client(path));
    }
  });
  afterAll(() => apps.close());

  let sent = 0;

  describe.each(['promise', 'observable', 'value'])('for a handler that returns a %s', (event) => {
    beforeAll(() => void sent++);

    it.each([
      ['for all gateways', '/global', (data: unknown) => ({ data })],
      ['after another', '/before', (data: unknown) => ({ before: 'nothing', data: { data } })],
      ['before another', '/after', (data: unknown) => ({ before: data, data: { data } })],
    ])('says what it is about, %s', async (_, path, expected) => {
      const current = [true, null, String(sent)];
      expect(await ask(clients.get(path)!, event)).toEqual(expected(current));
    });

    it('says nothing without it', async () => {
      expect(await ask(clients.get('/none')!, event)).toEqual({ data: 'nothing' });
    });
  });

  it('says the message of each of many that are handled at the same time', async () => {
    const client = clients.get('/global')!;
    const before = client.messages.length;
    for (let i = 0; i < 20; i++) client.ws.send('{"event":"observable"}');
    await until(() => expect(client.messages.length).toBe(before + 20));
    const numbers = client.messages
      .slice(before)
      .map(({ data }) => Number(JSON.parse(String(data)).data[2]));
    expect(new Set(numbers).size).toBe(20);
  });
});

describe('around other contexts', () => {
  const intercept = (type: string, result: unknown, args: unknown[] = []) =>
    new MigrationInterceptor().intercept(
      {
        getType: () => type,
        getArgs: () => args,
        switchToWs: () => ({ getClient: () => ({ connectionId: 'c1' }) }),
      } as unknown as ExecutionContext,
      { handle: () => of(result) },
    );

  it('leaves requests that are none of a WebSocket alone', () => {
    const results: unknown[] = [];
    intercept('http', told).subscribe((it) => results.push((it as typeof told)()));
    expect(results).toEqual(['nothing']);
  });

  it('has the body of a generator run in it, whoever asks for its items', async () => {
    let cleaned: unknown;
    async function* rows() {
      try {
        yield told();
        await Promise.resolve();
        yield told();
      } finally {
        cleaned = told();
      }
    }
    const items = await new Promise<AsyncIterable<unknown>>((resolve) =>
      intercept('ws', rows()).subscribe((it) => resolve(it as AsyncIterable<unknown>)),
    );
    const seen: unknown[] = [];
    for await (const item of items) {
      seen.push(item, MigrationContext.current());
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([
      [true, undefined, undefined],
      undefined,
      [true, undefined, undefined],
      undefined,
    ]);
    expect(cleaned).toEqual([true, undefined, undefined]);
  });
});
