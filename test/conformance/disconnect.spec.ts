import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { type Captured, capture } from './support/capture.js';
import { type Closed, connect, eventually } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

interface Ending {
  end(captured: Captured): void;
  /** What the gateway sees; the same code goes to `handleDisconnect`. */
  atServer: Closed;
  /** What the client sees. */
  atClient: Closed;
}

const closed = (code: number, reason = ''): Closed => ({ code, reason });
const same = (code: number, reason?: string) => ({
  atServer: closed(code, reason),
  atClient: closed(code, reason),
});

const endings: Record<string, Ending> = {
  'client closes with 1000': { end: ({ client }) => client.socket.close(1000), ...same(1000) },
  'client closes with 1001 and a reason': {
    end: ({ client }) => client.socket.close(1001, 'page closed'),
    ...same(1001, 'page closed'),
  },
  'client closes with 4000 and a reason': {
    end: ({ client }) => client.socket.close(4000, 'grüße'),
    ...same(4000, 'grüße'),
  },
  'client closes without a code': { end: ({ client }) => client.socket.close(), ...same(1005) },
  'client terminates': { end: ({ client }) => client.socket.terminate(), ...same(1006) },
  'server closes with 1000': { end: ({ server }) => server.close(1000), ...same(1000) },
  'server closes with 4999 and a reason': {
    end: ({ server }) => server.close(4999, 'x'.repeat(123)),
    ...same(4999, 'x'.repeat(123)),
  },
  'server closes with a reason of bytes': {
    end: ({ server }) => server.close(3000, Buffer.from('bytes')),
    ...same(3000, 'bytes'),
  },
  'server closes without a code': { end: ({ server }) => server.close(), ...same(1005) },
  'server terminates': { end: ({ server }) => server.terminate(), ...same(1006) },
  'server closes twice': {
    end: ({ server }) => {
      server.close(4001, 'first');
      server.close(4002, 'second');
    },
    ...same(4001, 'first'),
  },
};

describe.each(subjects)('disconnect on $name', (subject) => {
  it.each(Object.entries(endings))('%s', async (_name, { end, atServer, atClient }) => {
    const captured = await capture(subject);
    const { client, server, disconnects } = captured;
    const events: Closed[] = [];
    server.on('close', (code: number, reason: Buffer) => {
      events.push({ code, reason: reason.toString() });
    });
    end(captured);
    // Never within the call that ends the connection.
    expect([events.length, disconnects.length]).toEqual([0, 0]);
    expect(await client.closed).toEqual(atClient);
    await eventually(() => expect(disconnects.length).toBe(1));
    expect(server.readyState).toBe(server.CLOSED);
    // The server serves on, and the end has been told once.
    const other = await connect(captured.running.url('/captured'));
    expect(await other.ask('fine')).toBe('fine');
    expect(events).toEqual([atServer]);
    expect(disconnects).toEqual([atServer.code]);
  });

  it.each([
    ['a code that must not be sent', 1006, '', /valid error code/],
    ['a code out of range', 5000, '', /valid error code/],
    ['a reason that is too long', 4000, 'x'.repeat(124), /123 bytes/],
  ])('throws for %s', async (_name, code, reason, message) => {
    const { server } = await capture(subject);
    expect(() => server.close(code, reason)).toThrow(message);
  });

  it('tells every gateway of a path once, also when one of them ends another client', async () => {
    const log: string[] = [];
    const names = new Map<WebSocket, string>();
    @WebSocketGateway({ path: '/nested' })
    class EndingGateway implements OnGatewayDisconnect {
      handleConnection(client: WebSocket): void {
        names.set(client, `client ${names.size + 1}`);
      }

      handleDisconnect(client: WebSocket): void {
        log.push(`ending: ${names.get(client)}`);
        for (const other of names.keys()) {
          other.terminate();
        }
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    @WebSocketGateway({ path: '/nested' })
    class WatchingGateway implements OnGatewayDisconnect {
      handleDisconnect(client: WebSocket): void {
        log.push(`watching: ${names.get(client)}`);
      }
    }
    const app = await start(subject, [EndingGateway, WatchingGateway]);
    const one = await connect(app.url('/nested'));
    expect(await one.ask('fine')).toBe('fine');
    const two = await connect(app.url('/nested'));
    expect(await two.ask('fine')).toBe('fine');
    await one.close(1000);
    expect((await two.closed).code).toBe(1006);
    await eventually(() => expect(log.length).toBe(4));
    const three = await connect(app.url('/nested'));
    expect(await three.ask('fine')).toBe('fine');
    expect(log.sort()).toEqual([
      'ending: client 1',
      'ending: client 2',
      'watching: client 1',
      'watching: client 2',
    ]);
  });

  it.each(['closes', 'terminates'] as const)(
    'goes on when a handler %s its own and another client amid their messages',
    async (how) => {
      const clients = new Set<WebSocket>();
      @WebSocketGateway({ path: '/ended' })
      class EndedGateway implements OnGatewayConnection {
        handleConnection(client: WebSocket): void {
          clients.add(client);
        }

        @SubscribeMessage('end')
        end(): string {
          for (const client of clients) {
            if (how === 'closes') client.close(4000, 'ended');
            else client.terminate();
          }
          return 'too late';
        }

        @SubscribeMessage('fine')
        fine(): string {
          return 'fine';
        }
      }
      const app = await start(subject, [EndedGateway]);
      const [one, two] = [await connect(app.url('/ended')), await connect(app.url('/ended'))];
      for (const client of [one, two]) expect(await client.ask('fine')).toBe('fine');
      for (let time = 0; time < 5; time++) {
        for (const client of [one, two]) {
          client.emit('fine');
          client.emit('end');
        }
      }
      const code = how === 'closes' ? 4000 : 1006;
      expect([(await one.closed).code, (await two.closed).code]).toEqual([code, code]);
      const answers = [...one.inbox, ...two.inbox].map(({ json }) => json);
      expect(answers.filter((answer) => answer !== 'fine')).toEqual([]);
      clients.clear();
      const three = await connect(app.url('/ended'));
      expect(await three.ask('fine')).toBe('fine');
    },
  );

  it('survives an asynchronous handleDisconnect', async () => {
    const log: unknown[] = [];
    @WebSocketGateway({ path: '/slow' })
    class SlowGateway implements OnGatewayDisconnect {
      async handleDisconnect(client: WebSocket, code: unknown): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        client.send('nobody reads this');
        log.push([code, client.readyState]);
      }
    }
    const app = await start(subject, [SlowGateway]);
    const clients = await Promise.all([1, 2, 3].map(() => connect(app.url('/slow'))));
    await Promise.all(clients.map((client, index) => client.close(4000 + index)));
    await eventually(() => expect(log.length).toBe(3));
    expect(log).toEqual(expect.arrayContaining([4000, 4001, 4002].map((code) => [code, 3])));
  });
});
