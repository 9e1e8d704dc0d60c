import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connect } from './support/client.js';
import { deferred, start } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('handlers on $name', (subject) => {
  it('gives a handler the body and the socket by decorators', async () => {
    @WebSocketGateway({ path: '/echo' })
    class EchoGateway {
      @SubscribeMessage('whole')
      whole(@MessageBody() body: unknown, @ConnectedSocket() client: WebSocket): unknown {
        return { body, open: client.readyState === client.OPEN };
      }

      @SubscribeMessage('part')
      part(@ConnectedSocket() client: WebSocket, @MessageBody('name') name: string): unknown {
        return { name, open: client.readyState === client.OPEN };
      }
    }
    const client = await connect((await start(subject, [EchoGateway])).url('/echo'));
    expect(await client.ask('whole', { a: [1, null, 'x'] })).toEqual({
      body: { a: [1, null, 'x'] },
      open: true,
    });
    expect(await client.ask('whole')).toEqual({ open: true });
    expect(await client.ask('part', { name: 'Ada', age: 36 })).toEqual({ name: 'Ada', open: true });
  });

  it('gives an undecorated handler the client and the data', async () => {
    @WebSocketGateway({ path: '/plain' })
    class PlainGateway {
      @SubscribeMessage('sum')
      sum(client: WebSocket, data: number[]): unknown {
        return { sum: data.reduce((a, b) => a + b, 0), state: client.readyState };
      }
    }
    const client = await connect((await start(subject, [PlainGateway])).url('/plain'));
    expect(await client.ask('sum', [1, 2, 3])).toEqual({ sum: 6, state: 1 });
  });

  it('has no acknowledgement function', async () => {
    @WebSocketGateway({ path: '/ack' })
    class AckGateway {
      @SubscribeMessage('ack')
      ack(@Ack() ack: unknown): unknown {
        return { ack: typeof ack };
      }
    }
    const client = await connect((await start(subject, [AckGateway])).url('/ack'));
    expect(await client.ask('ack')).toEqual({ ack: 'undefined' });
  });

  it('sends every result but null and undefined as JSON', async () => {
    const results: Record<string, unknown> = {
      zero: 0,
      empty: '',
      no: false,
      text: 'text',
      list: [1, 2],
      object: { a: 1 },
      response: { event: 'reply', data: { a: 1 } } satisfies WsResponse,
    };
    @WebSocketGateway({ path: '/results' })
    class ResultsGateway {
      @SubscribeMessage('result')
      result(@MessageBody() name: string): unknown {
        return name === 'null' ? null : results[name];
      }

      @SubscribeMessage('void')
      nothing(): void {}

      @SubscribeMessage('promised')
      async promised(@MessageBody() name: string): Promise<unknown> {
        return name === 'null' ? null : results[name];
      }
    }
    const client = await connect((await start(subject, [ResultsGateway])).url('/results'));
    for (const event of ['result', 'promised']) {
      for (const [name, result] of Object.entries(results)) {
        client.emit(event, 'null');
        client.emit(event, 'unknown');
        client.emit('void');
        client.emit(event, name);
        const { text, isBinary } = await client.next();
        expect({ text, isBinary }).toEqual({ text: JSON.stringify(result), isBinary: false });
      }
    }
    expect(client.inbox).toEqual([]);
  });

  it('handles messages concurrently, so that a fast reply overtakes a slow one', async () => {
    const gates = new Map(['first', 'second'].map((name) => [name, deferred()]));
    const begun: string[] = [];
    @WebSocketGateway({ path: '/concurrent' })
    class ConcurrentGateway {
      @SubscribeMessage('slow')
      async slow(@MessageBody() name: string): Promise<unknown> {
        begun.push(name);
        await gates.get(name)?.promise;
        return { slow: name };
      }

      @SubscribeMessage('fast')
      fast(): unknown {
        return { fast: [...begun] };
      }
    }
    const client = await connect((await start(subject, [ConcurrentGateway])).url('/concurrent'));
    client.emit('slow', 'first');
    client.emit('slow', 'second');
    expect(await client.ask('fast')).toEqual({ fast: ['first', 'second'] });
    gates.get('second')?.resolve();
    expect(await client.json()).toEqual({ slow: 'second' });
    gates.get('first')?.resolve();
    expect(await client.json()).toEqual({ slow: 'first' });
  });

  it('keeps handling after exceptions and reports each to its sender', async () => {
    @WebSocketGateway({ path: '/failing' })
    class FailingGateway {
      @SubscribeMessage('throw')
      throw(): never {
        throw new Error('secret');
      }

      @SubscribeMessage('reject')
      async reject(): Promise<never> {
        throw new WsException('too late');
      }

      @SubscribeMessage('fine')
      fine(): unknown {
        return 'fine';
      }
    }
    const running = await start(subject, [FailingGateway]);
    const client = await connect(running.url('/failing'));
    const other = await connect(running.url('/failing'));
    for (let round = 0; round < 3; round += 1) {
      expect(await client.ask('throw', round)).toEqual({
        event: 'exception',
        data: {
          status: 'error',
          message: 'Internal server error',
          cause: { pattern: 'throw', data: round },
        },
      });
      expect(await client.ask('reject', round)).toEqual({
        event: 'exception',
        data: { status: 'error', message: 'too late', cause: { pattern: 'reject', data: round } },
      });
      expect(await client.ask('fine')).toBe('fine');
    }
    expect(await other.ask('fine')).toBe('fine');
    expect(other.inbox).toEqual([]);
  });

  it('ignores unknown events and malformed frames', async () => {
    @WebSocketGateway({ path: '/strict' })
    class StrictGateway {
      @SubscribeMessage('known')
      known(@MessageBody() body: unknown): unknown {
        return { body };
      }
    }
    const client = await connect((await start(subject, [StrictGateway])).url('/strict'));
    const ignored = ['', '{', 'null', '0', '[]', '"known"', '{"data":1}', '{"event":"other"}'];
    ignored.forEach((frame) => client.socket.send(frame));
    client.socket.send('{"event":"known"');
    client.socket.send(Buffer.from([0, 255]));
    client.socket.send('{"event":{"a":1},"data":1}');
    client.socket.send('{"event":"toString","data":1}');
    client.socket.send('{"event":"__proto__","data":1}');
    expect(await client.ask('known', 1)).toEqual({ body: 1 });
    expect(client.inbox).toEqual([]);
  });

  it('drops the result of a handler that was pending at the close', async () => {
    const gate = deferred();
    const begun = deferred<WebSocket>();
    const finished = deferred();
    @WebSocketGateway({ path: '/pending' })
    class PendingGateway {
      @SubscribeMessage('pending')
      async pending(@ConnectedSocket() client: WebSocket): Promise<unknown> {
        begun.resolve(client);
        await gate.promise;
        finished.resolve();
        return 'late';
      }

      @SubscribeMessage('fine')
      fine(): unknown {
        return 'fine';
      }
    }
    const running = await start(subject, [PendingGateway]);
    const client = await connect(running.url('/pending'));
    client.emit('pending');
    const held = await begun.promise;
    const gone = deferred();
    held.once('close', () => gone.resolve());
    await client.close(1000);
    await gone.promise;
    gate.resolve();
    await finished.promise;
    const next = await connect(running.url('/pending'));
    expect(await next.ask('fine')).toBe('fine');
    expect(client.inbox).toEqual([]);
    expect(held.readyState).toBe(held.CLOSED);
  });
});
