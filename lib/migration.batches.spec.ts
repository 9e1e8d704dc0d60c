import 'reflect-metadata';
import assert from 'node:assert/strict';
import {
  Catch,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import type {
  ArgumentsHost,
  CallHandler,
  ExecutionContext,
  INestApplication,
  PipeTransform,
  Provider,
} from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { concatMap, delay, interval, map, of } from 'rxjs';
import type { Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubApps, service } from '../test/support/hub-apps.js';
import type { TestClient } from '../test/support/relay-fixture.js';
import { until } from '../test/support/until.js';
import { BatchContext } from './gateway/batch/batch-context.js';
import { Batch, Checkpoint, OnMigrateResume } from './gateway/batch/batch.decorators.js';
import { Migratable } from './gateway/decorators.js';
import type { MigratableOptions } from './gateway/decorators.js';
import type { HubClient } from './gateway/hub-client.js';
import { MessageId } from './gateway/message-id.decorator.js';
import type { MigrationOptions } from './options/index.js';

const ROWS = 400;
const ALL = Array.from({ length: ROWS }, (_, row) => row);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the handlers of all servers saw. */
let seen: unknown[] = [];

async function* rows(batch: BatchContext, start: number) {
  for (let row = start; row < ROWS; row++) {
    batch.checkpoint(row);
    if (row % 4 === 0) await pause(1);
    yield row;
  }
}

function gateway(options: MigratableOptions = {}) {
  @WebSocketGateway({ path: '/chat' })
  @Migratable(options)
  class ExportGateway {
    @SubscribeMessage('export')
    export(@Batch() batch: BatchContext) {
      return rows(batch, 0);
    }

    @OnMigrateResume('export')
    resume(
      @ConnectedSocket() client: HubClient,
      @MessageBody() data: unknown,
      @Checkpoint() cursor: number,
      @Batch() batch: BatchContext,
      @MessageId() id: string,
    ) {
      const isSame = id === batch.id && id.startsWith(client.connectionId);
      seen.push([isSame, batch.results === cursor, data, batch.resumed]);
      return rows(batch, cursor);
    }

    @SubscribeMessage('slow')
    slow(@Batch() batch: BatchContext) {
      return new Promise((resolve) => {
        seen.push(batch.requestId);
        batch.signal.addEventListener('abort', () => {
          seen.push(batch.signal.reason);
          resolve('aborted');
        });
      });
    }

    @SubscribeMessage('ticks')
    ticks() {
      return interval(5).pipe(map((tick) => ({ tick })));
    }

    @SubscribeMessage('ask')
    async ask() {
      await pause(100);
      return 'answer';
    }
  }
  return ExportGateway;
}

@Injectable()
class Through {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(concatMap((value) => of(value).pipe(delay(0))));
  }
}

@Injectable()
class Brackets {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value) => [value]));
  }
}

class Fault extends Error {}

@Catch(Fault)
class FaultFilter {
  catch(_: Fault, host: ArgumentsHost) {
    host.switchToWs().getClient<HubClient>().send('"filtered"');
  }
}

class Trim implements PipeTransform {
  transform(value: unknown) {
    return typeof value === 'string' ? value.trim() : value;
  }
}

class Guard {
  canActivate(context: ExecutionContext): boolean {
    const data: unknown = context.switchToWs().getData();
    seen.push(['guard', data]);
    if (data === 'forbidden') throw new Fault('not allowed');
    return true;
  }
}

@WebSocketGateway({ path: '/chat' })
@UseFilters(new FaultFilter())
class EnhancedGateway {
  @UseGuards(new Guard())
  @UsePipes(new Trim())
  @SubscribeMessage('words')
  @UseInterceptors(new Brackets())
  async *words(@MessageBody() text: string, @Batch() batch: BatchContext) {
    yield text;
    batch.checkpoint({ after: text });
    while (!batch.migrating.aborted) await pause(1);
    throw new Fault('lost with the move');
  }

  @OnMigrateResume('words')
  @UseInterceptors(new Brackets())
  @UseGuards(new Guard())
  @UsePipes(new Trim())
  async *resumeWords(
    @MessageBody() text: string,
    @Checkpoint() cursor: unknown,
    @Batch() batch: BatchContext,
  ) {
    yield [cursor, batch.results];
    throw new Fault(text);
  }
}

let apps: HubApps;

const hub = (providers: Provider[] = [gateway()], options: MigrationOptions = {}) =>
  apps.hub(providers, options);

let clients: TestClient[] = [];

async function connect() {
  const client = await apps.client();
  clients.push(client);
  return client;
}

const idOf = () => apps.connections[0]!.connectionId;

const framesOf = (client: TestClient): unknown[] =>
  client.messages.map(({ data }) => JSON.parse(String(data)) as unknown);

const rowsOf = (client: TestClient) => framesOf(client).filter((it) => typeof it === 'number');

const say = (client: TestClient, event: string, data?: unknown, id?: unknown) =>
  client.ws.send(JSON.stringify({ event, data, id }));

const isOn = (app: INestApplication) =>
  until(async () => {
    const { server, state } = await service(app).stateOf(idOf());
    expect([server, state]).toEqual([service(app).serverId, 'none']);
  });

async function moveTo(app: INestApplication) {
  // The relay may know the server a moment before the server knows that.
  const ticket = await until(() => service(app).request(idOf(), { to: service(app).serverId }));
  await isOn(app);
  return ticket;
}

beforeEach(async () => {
  seen = [];
  apps = await HubApps.start({
    relay: { hubReconnectGraceMs: 50, migrationRequestMs: 20_000, migrationStepMs: 20_000 },
  });
});

afterEach(async () => {
  for (const { ws } of clients) ws.terminate();
  await until(() => assert.equal(apps.connections.length, 0));
  clients = [];
  await apps.close();
});

describe('batches of gateways', () => {
  it('go on at the next server without gap or repeat, move after move', async () => {
    const a = await hub();
    const client = await connect();
    say(client, 'export', { all: true });
    await until(() => expect(rowsOf(client).length).toBeGreaterThan(20));
    const b = await hub();
    await moveTo(b);
    await moveTo(a);
    await moveTo(b);
    await until(() => expect(rowsOf(client).length).toBe(ROWS));
    await pause(20);
    expect(rowsOf(client)).toEqual(ALL);
    expect(seen).toEqual(Array.from({ length: 3 }, () => [true, true, { all: true }, true]));
  });

  it('go on at the next server when theirs shuts down', async () => {
    const a = await hub();
    const client = await connect();
    say(client, 'export');
    await until(() => expect(rowsOf(client).length).toBeGreaterThan(20));
    await hub();
    await a.close();
    await until(() => expect(rowsOf(client).length).toBe(ROWS));
    expect(rowsOf(client)).toEqual(ALL);
    expect(seen.length).toBe(1);
  });

  it.each(['handled', 'received'] as const)(
    'go on from their last checkpoint when their server is lost (ack %s)',
    async (ack) => {
      const a = await hub([gateway({ ack })], { context: { checkpointMs: 20 } });
      const client = await connect();
      say(client, 'export');
      await until(() => expect(rowsOf(client).length).toBeGreaterThan(100));
      const b = await hub([gateway({ ack })]);
      apps.crash(a);
      await isOn(b);
      await until(() => expect(rowsOf(client).at(-1)).toBe(ROWS - 1));
      const got = rowsOf(client) as number[];
      expect([...new Set(got)]).toEqual(ALL);
      // Rows up to the loss, and from the last checkpoint on.
      const again = got.findIndex((row, i) => i > 0 && row !== got[i - 1]! + 1);
      const end = again < 0 ? got.length : again;
      expect(got).toEqual([...ALL.slice(0, end), ...ALL.slice(got[end] ?? ROWS)]);
      expect(seen.length).toBe(1);
    },
  );

  it('run guards, pipes, interceptors and filters, resumed or not', async () => {
    await hub([EnhancedGateway]);
    const client = await connect();
    say(client, 'words', '  one ');
    await until(() => expect(framesOf(client)).toEqual([['one']]));
    await moveTo(await hub([EnhancedGateway]));
    await until(() =>
      expect(framesOf(client)).toEqual([['one'], [[{ after: 'one' }, 1]], 'filtered']),
    );
    say(client, 'words', 'forbidden');
    await until(() => expect(framesOf(client).slice(3)).toEqual(['filtered']));
    expect(seen).toEqual([
      ['guard', '  one '],
      ['guard', '  one '],
      ['guard', 'forbidden'],
    ]);
  });

  it('lose nothing that is in an interceptor when they stop', async () => {
    const Slow = gateway();
    UseInterceptors(Through)(Slow);
    const a = await hub([Slow]);
    const client = await connect();
    say(client, 'export');
    const b = await hub([Slow]);
    for (const [app, count] of [
      [b, 20],
      [a, 60],
      [b, 100],
    ] as const) {
      await until(() => expect(rowsOf(client).length).toBeGreaterThan(count));
      await moveTo(app);
    }
    await until(() => expect(rowsOf(client).length).toBe(ROWS));
    expect(rowsOf(client)).toEqual(ALL);
  });

  it('cannot be resumed by clients', async () => {
    await hub();
    const client = await connect();
    for (const event of ['export (resumed)', '[object Object]', { event: 'export' }]) {
      say(client, event as string);
    }
    say(client, 'ask');
    await until(() => expect(framesOf(client)).toEqual(['answer']));
    expect(seen).toEqual([]);
  });

  it('are cancelled by their client, before and after a move, and while one is asked for', async () => {
    const a = await hub();
    const client = await connect();
    say(client, 'slow', {}, 'r1');
    await until(() => expect(seen).toContain('r1'));
    say(client, 'cancel', { id: 'r1' });
    say(client, 'slow', { id: 2 });
    await until(() => expect(seen).toContain(2));
    const b = await hub();
    await service(a).request(idOf(), { to: service(b).serverId });
    await until(async () => {
      expect(await service(a).stateOf(idOf())).toMatchObject({
        state: 'requested',
        waitsFor: 'batch slow',
      });
    });
    say(client, 'cancel', { id: 2 });
    await isOn(b);
    say(client, 'slow', {}, 'r3');
    say(client, 'cancel', { id: 'r3' });
    say(client, 'cancel', { id: 'r3' });
    await until(() => expect(framesOf(client).length).toBe(4));
    expect(framesOf(client)).toEqual(
      [
        { id: 'r1', found: true },
        { id: 2, found: true },
        { id: 'r3', found: true },
        { id: 'r3', found: false },
      ].map((data) => ({ event: 'cancelled', data })),
    );
    expect(seen.filter((it) => it instanceof Error).map(String)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining('attention') as string),
    );
  });

  it('leave the event of attentions to a gateway that handles it', async () => {
    @WebSocketGateway({ path: '/chat' })
    class CancelGateway {
      @SubscribeMessage('cancel')
      cancel() {
        return 'own';
      }
    }
    await hub([gateway(), CancelGateway]);
    const client = await connect();
    say(client, 'slow', {}, 'r1');
    say(client, 'cancel', { id: 'r1' });
    await until(() => expect(framesOf(client)).toEqual(['own']));
  });
});

describe('streams without a resume handler', () => {
  const run = async (options: MigratableOptions, interceptor = false) => {
    const make = () => {
      const made = gateway(options);
      if (interceptor) UseInterceptors(new Through())(made);
      return made;
    };
    const a = await hub([make()]);
    const client = await connect();
    say(client, 'ticks', {}, 'r1');
    await until(() => expect(framesOf(client).length).toBeGreaterThan(2));
    const b = await hub([make()]);
    return { a, b, client };
  };
  const ended = {
    event: 'migrationEnded',
    data: { event: 'ticks', id: 'r1', reason: 'migration' },
  };

  it.each([false, true])('are ended (behind an interceptor: %s)', async (interceptor) => {
    const { b, client } = await run({ unresumable: 'end' }, interceptor);
    await moveTo(b);
    expect(framesOf(client).at(-1)).toEqual(ended);
    await pause(50);
    expect(framesOf(client).at(-1)).toEqual(ended);
  });

  it.each([false, true])('are begun anew (behind an interceptor: %s)', async (interceptor) => {
    const { b, client } = await run({ unresumable: 'restart' }, interceptor);
    const { length } = framesOf(client);
    await moveTo(b);
    await until(() => {
      expect(
        framesOf(client)
          .slice(length)
          .filter((it) => (it as { tick: number }).tick === 0),
      ).toEqual([{ tick: 0 }]);
    });
  });

  it.each(['end', 'restart'] as const)(
    '%s: a promise behind an interceptor is waited for',
    async (unresumable) => {
      const { b, client } = await run({ unresumable }, true);
      say(client, 'ask');
      await pause(20);
      await moveTo(b);
      await until(() => expect(framesOf(client)).toContain('answer'));
      expect(framesOf(client).filter((it) => it === 'answer')).toEqual(['answer']);
    },
  );

  it('are waited for otherwise', async () => {
    const { a, b, client } = await run({});
    await service(a).request(idOf(), { to: service(b).serverId });
    const { length } = framesOf(client);
    await until(() => expect(framesOf(client).length).toBeGreaterThan(length + 5));
    expect(await service(a).stateOf(idOf())).toMatchObject({ state: 'requested' });
    await service(a).cancel(idOf());
  });
});

describe('an application does not start', () => {
  it('with a resume handler of an event that is no batch', async () => {
    @WebSocketGateway({ path: '/chat' })
    class WrongGateway {
      @SubscribeMessage('export')
      export() {}

      @OnMigrateResume('export')
      resume(@Batch() batch: BatchContext) {
        return batch.id;
      }
    }
    await expect(hub([WrongGateway])).rejects.toThrow(
      'WrongGateway.resume() has @OnMigrateResume(\'export\'), but no handler of "export" in WrongGateway takes @Batch().',
    );
  });

  it('with a resume handler that takes no batch', async () => {
    @WebSocketGateway({ path: '/chat' })
    class NoBatchGateway {
      @SubscribeMessage('export')
      export(@Batch() batch: BatchContext) {
        return batch.id;
      }

      @OnMigrateResume('export')
      resume() {}
    }
    await expect(hub([NoBatchGateway])).rejects.toThrow(
      'NoBatchGateway.resume() has @OnMigrateResume(), so it must take @Batch(): it may have to stop again.',
    );
  });

  it('with two resume handlers of an event, or two handlers of a batch', async () => {
    @WebSocketGateway({ path: '/chat' })
    class TwiceGateway extends gateway() {
      @OnMigrateResume('export')
      again(@Batch() batch: BatchContext) {
        return batch.id;
      }
    }
    await expect(hub([TwiceGateway])).rejects.toThrow(
      "TwiceGateway has more than one method with @OnMigrateResume('export').",
    );
    @WebSocketGateway({ path: '/chat' })
    class OtherGateway {
      @SubscribeMessage('export')
      export() {}
    }
    await expect(hub([gateway(), OtherGateway])).rejects.toThrow(
      /ExportGateway.export\(\) and OtherGateway.export\(\) both handle "export" of/,
    );
  });
});
