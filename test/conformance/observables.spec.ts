import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { concat, finalize, from, NEVER, type Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connect, eventually } from './support/client.js';
import { deferred, start } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('observables on $name', (subject) => {
  it('sends every value in order, but null and undefined', async () => {
    @WebSocketGateway({ path: '/values' })
    class ValuesGateway {
      @SubscribeMessage('values')
      values(@MessageBody() values: unknown[]): Observable<unknown> {
        return from([...values, undefined, { event: 'done', data: values.length }]);
      }

      @SubscribeMessage('promised')
      async promised(@MessageBody() values: unknown[]): Promise<Observable<unknown>> {
        return from(values);
      }
    }
    const client = await connect((await start(subject, [ValuesGateway])).url('/values'));
    const values = [0, null, '', false, 'a', { event: 'e', data: 1 }, [2]];
    const sent = values.filter((value) => value !== null);
    client.emit('values', values);
    expect(await client.take(7)).toEqual([...sent, { event: 'done', data: 7 }]);
    client.emit('promised', values);
    expect(await client.take(6)).toEqual(sent);
    expect(client.inbox).toEqual([]);
  });

  it('sends a thousand values in order', async () => {
    const numbers = Array.from({ length: 1_000 }, (_, index) => index);
    @WebSocketGateway({ path: '/many' })
    class ManyGateway {
      @SubscribeMessage('many')
      many(): Observable<number> {
        return from(numbers);
      }
    }
    const client = await connect((await start(subject, [ManyGateway])).url('/many'));
    client.emit('many');
    expect(await client.take(1_000)).toEqual(numbers);
  });

  it('sends values as they come, next to other replies', async () => {
    const source = new Subject<string>();
    @WebSocketGateway({ path: '/async' })
    class AsyncGateway {
      @SubscribeMessage('watch')
      watch(): Observable<string> {
        return source;
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const client = await connect((await start(subject, [AsyncGateway])).url('/async'));
    client.emit('watch');
    await eventually(() => expect(source.observed).toBe(true));
    source.next('one');
    expect(await client.json()).toBe('one');
    expect(await client.ask('fine')).toBe('fine');
    source.next('two');
    expect(await client.json()).toBe('two');
    source.complete();
    expect(await client.ask('fine')).toBe('fine');
  });

  it('reports an error after the values before it and goes on', async () => {
    @WebSocketGateway({ path: '/errors' })
    class ErrorsGateway {
      @SubscribeMessage('known')
      known(): Observable<number> {
        return concat(
          of(1, 2),
          throwError(() => new WsException('enough')),
        );
      }

      @SubscribeMessage('unknown')
      unknown(): Observable<number> {
        return throwError(() => new Error('secret'));
      }
    }
    const client = await connect((await start(subject, [ErrorsGateway])).url('/errors'));
    for (let round = 0; round < 2; round += 1) {
      client.emit('known', round);
      expect(await client.take(3)).toEqual([
        1,
        2,
        {
          event: 'exception',
          data: { status: 'error', message: 'enough', cause: { pattern: 'known', data: round } },
        },
      ]);
      expect(await client.ask('unknown')).toMatchObject({
        event: 'exception',
        data: { status: 'error', message: 'Internal server error', cause: { pattern: 'unknown' } },
      });
    }
  });

  it('unsubscribes what runs when the client goes, and nobody else', async () => {
    const running = new Set<string>();
    @WebSocketGateway({ path: '/forever' })
    class ForeverGateway {
      @SubscribeMessage('forever')
      forever(@MessageBody() name: string): Observable<string> {
        running.add(name);
        return concat(of(name), NEVER).pipe(finalize(() => running.delete(name)));
      }
    }
    const app = await start(subject, [ForeverGateway]);
    const [leaver, dropped, stayer] = await Promise.all(
      ['leaver', 'dropped', 'stayer'].map(() => connect(app.url('/forever'))),
    );
    expect(await leaver.ask('forever', 'leaver 1')).toBe('leaver 1');
    expect(await leaver.ask('forever', 'leaver 2')).toBe('leaver 2');
    expect(await dropped.ask('forever', 'dropped')).toBe('dropped');
    expect(await stayer.ask('forever', 'stayer')).toBe('stayer');
    await leaver.close(1000);
    dropped.socket.terminate();
    await eventually(() => expect([...running]).toEqual(['stayer']));
  });

  it('never subscribes an observable that a handler resolves to after the close', async () => {
    const gate = deferred();
    const begun = deferred<WebSocket>();
    let subscriptions = 0;
    @WebSocketGateway({ path: '/late' })
    class LateGateway {
      @SubscribeMessage('late')
      async late(@ConnectedSocket() client: WebSocket): Promise<Observable<string>> {
        begun.resolve(client);
        await gate.promise;
        return concat(of('late')).pipe(finalize(() => (subscriptions += 1)));
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [LateGateway]);
    const client = await connect(app.url('/late'));
    client.emit('late');
    const held = await begun.promise;
    const gone = deferred();
    held.once('close', () => gone.resolve());
    await client.close();
    await gone.promise;
    gate.resolve();
    const other = await connect(app.url('/late'));
    expect(await other.ask('fine')).toBe('fine');
    expect(subscriptions).toBe(0);
  });
});
