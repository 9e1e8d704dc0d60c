import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { connect, dial, eventually } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

const COUNT = 1_000;
const numbers = Array.from({ length: COUNT }, (_, index) => index);

describe.each(subjects)('order on $name', (subject) => {
  it('keeps a thousand messages in order, each way and at once', async () => {
    const received: number[] = [];
    @WebSocketGateway({ path: '/numbered' })
    class NumberedGateway {
      @SubscribeMessage('number')
      number(@MessageBody() number: number): void {
        received.push(number);
      }

      @SubscribeMessage('flood')
      flood(@ConnectedSocket() client: WebSocket): void {
        numbers.forEach((number) => client.send(JSON.stringify(number)));
      }
    }
    const client = await connect((await start(subject, [NumberedGateway])).url('/numbered'));
    client.emit('flood');
    numbers.forEach((number) => client.emit('number', number));
    expect(await client.take(COUNT)).toEqual(numbers);
    await eventually(() => expect(received.length).toBe(COUNT));
    expect(received).toEqual(numbers);
  });

  it('keeps replies of handlers in order, for several clients at once', async () => {
    @WebSocketGateway({ path: '/replies' })
    class RepliesGateway {
      @SubscribeMessage('number')
      number(@MessageBody() number: number): unknown {
        return { number };
      }
    }
    const app = await start(subject, [RepliesGateway]);
    const clients = await Promise.all([1, 2, 3].map(() => connect(app.url('/replies'))));
    numbers.forEach((number) => clients.forEach((client) => client.emit('number', number)));
    const expected = numbers.map((number) => ({ number }));
    for (const client of clients) {
      expect(await client.take(COUNT)).toEqual(expected);
      expect(client.inbox).toEqual([]);
    }
  });

  it('keeps text, binary and large messages in order', async () => {
    @WebSocketGateway({ path: '/mixed' })
    class MixedGateway implements OnGatewayConnection {
      handleConnection(client: WebSocket): void {
        client.on('message', (data: Buffer, isBinary: boolean) => {
          client.send(`${isBinary} ${data.length}`);
        });
      }
    }
    const client = await connect((await start(subject, [MixedGateway])).url('/mixed'));
    const expected: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      const size = index % 7 === 0 ? 200_000 + index : index;
      const isBinary = index % 2 === 0;
      client.socket.send(isBinary ? Buffer.alloc(size) : 'x'.repeat(size));
      expected.push(`${isBinary} ${size}`);
    }
    for (const text of expected) {
      expect((await client.next()).text).toBe(text);
    }
  });

  it('delivers first and in order what handleConnection sends', async () => {
    @WebSocketGateway({ path: '/greeting' })
    class GreetingGateway implements OnGatewayConnection {
      handleConnection(client: WebSocket): void {
        numbers.forEach((number) => client.send(JSON.stringify(number)));
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const client = dial((await start(subject, [GreetingGateway])).url('/greeting'));
    client.socket.once('open', () => client.emit('fine'));
    expect(await client.take(COUNT + 1)).toEqual([...numbers, 'fine']);
  });

  it('loses no message that the client sends right after open', async () => {
    const rounds = 30;
    @WebSocketGateway({ path: '/early' })
    class EarlyGateway implements OnGatewayConnection {
      // Nest does not wait for it: messages are handled meanwhile.
      async handleConnection(): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
      }

      @SubscribeMessage('early')
      early(@MessageBody() number: number): number {
        return number;
      }
    }
    const app = await start(subject, [EarlyGateway]);
    for (let round = 0; round < rounds; round += 1) {
      const client = dial(app.url('/early'));
      client.socket.once('open', () => [1, 2, 3].forEach((number) => client.emit('early', number)));
      expect(await client.take(3)).toEqual([1, 2, 3]);
      client.socket.terminate();
    }
  });

  it('handles all messages that came before a close', async () => {
    const log: unknown[] = [];
    @WebSocketGateway({ path: '/parting' })
    class PartingGateway {
      handleDisconnect(_client: WebSocket, code: number): void {
        log.push(`closed ${code}`);
      }

      @SubscribeMessage('number')
      number(@MessageBody() number: number): void {
        log.push(number);
      }
    }
    const client = await connect((await start(subject, [PartingGateway])).url('/parting'));
    numbers.forEach((number) => client.emit('number', number));
    await client.close(4000);
    await eventually(() => expect(log.at(-1)).toBe('closed 4000'));
    expect(log).toEqual([...numbers, 'closed 4000']);
  });

  it('sends all messages that came before a close by the server', async () => {
    @WebSocketGateway({ path: '/farewell' })
    class FarewellGateway {
      @SubscribeMessage('leave')
      leave(@ConnectedSocket() client: WebSocket): void {
        numbers.forEach((number) => client.send(JSON.stringify(number)));
        client.close(4010, 'done');
        client.send('"too late"', () => {});
      }
    }
    const client = await connect((await start(subject, [FarewellGateway])).url('/farewell'));
    client.emit('leave');
    expect(await client.closed).toEqual({ code: 4010, reason: 'done' });
    expect(await client.take(COUNT)).toEqual(numbers);
    expect(client.inbox).toEqual([]);
  });
});
