import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { capture } from './support/capture.js';
import { connect, eventually } from './support/client.js';
import { deferred, start } from './support/harness.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('connection on $name', (subject) => {
  it('passes the request of the upgrade on', async () => {
    const { request } = await capture(subject, {
      url: '/captured?token=a%20b%2Fc&x=1&x=2&long=' + 'y'.repeat(2_000),
      origin: 'https://example.com',
      headers: {
        Cookie: 'session=abc; theme=dark',
        Authorization: 'Bearer secret',
        'X-Mixed-Case': 'Value',
        // Two header lines, which the types of ws do not know.
        'x-many': ['1', '2'] as unknown as string,
        'x-forwarded-for': '203.0.113.7',
      },
    });
    expect(request.url).toBe('/captured?token=a%20b%2Fc&x=1&x=2&long=' + 'y'.repeat(2_000));
    expect(request.method).toBe('GET');
    expect(request.httpVersion).toBe('1.1');
    expect(request.headers).toMatchObject({
      cookie: 'session=abc; theme=dark',
      authorization: 'Bearer secret',
      origin: 'https://example.com',
      'x-mixed-case': 'Value',
      'x-many': '1, 2',
      'x-forwarded-for': '203.0.113.7',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
    });
    expect(request.headers.host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(request.headers['sec-websocket-key']).toMatch(/^.{22}==$/);
    const raw = request.rawHeaders;
    expect(raw[raw.indexOf('X-Mixed-Case') + 1]).toBe('Value');
    expect(raw.filter((name) => name === 'x-many').length).toBe(2);
  });

  it('tells the address of the client, not of what it passed through', async () => {
    const { request } = await capture(subject, { localAddress: '127.0.0.2' });
    expect(request.socket.remoteAddress).toBe('127.0.0.2');
  });

  it('ignores X-Forwarded-For of a client', async () => {
    const { request } = await capture(subject, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(request.socket.remoteAddress).toBe('127.0.0.1');
  });

  it('gives each client its own request', async () => {
    const seen = new Map<WebSocket, IncomingMessage>();
    @WebSocketGateway({ path: '/own' })
    class OwnGateway implements OnGatewayConnection {
      handleConnection(client: WebSocket, request: IncomingMessage): void {
        seen.set(client, request);
      }

      @SubscribeMessage('url')
      url(client: WebSocket): unknown {
        return seen.get(client)?.url;
      }
    }
    const app = await start(subject, [OwnGateway]);
    const urls = Array.from({ length: 10 }, (_, index) => `/own?client=${index}`);
    const clients = await Promise.all(urls.map((url) => connect(app.url(url))));
    const answers = await Promise.all(clients.map((client) => client.ask('url')));
    expect(answers).toEqual(urls);
    expect(new Set(seen.values()).size).toBe(10);
  });

  it('lets handleConnection close the client', async () => {
    const codes: unknown[] = [];
    @WebSocketGateway({ path: '/picky' })
    class PickyGateway implements OnGatewayConnection {
      handleConnection(client: WebSocket, request: IncomingMessage): void {
        if (!request.url?.includes('token')) {
          client.send('no token');
          client.close(4401, 'unauthorized');
        }
      }

      handleDisconnect(_client: WebSocket, code: unknown): void {
        codes.push(code);
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const app = await start(subject, [PickyGateway]);
    const refused = await connect(app.url('/picky'));
    expect(await refused.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    expect(refused.inbox.map(({ text }) => text)).toEqual(['no token']);
    expect(await (await connect(app.url('/picky?token'))).ask('fine')).toBe('fine');
    await eventually(() => expect(codes).toEqual([4401]));
  });

  it('handles messages while an asynchronous handleConnection is pending', async () => {
    const gate = deferred();
    @WebSocketGateway({ path: '/pending' })
    class PendingGateway implements OnGatewayConnection {
      async handleConnection(client: WebSocket): Promise<void> {
        client.send('"begun"');
        await gate.promise;
        client.send('"ready"');
      }

      @SubscribeMessage('fine')
      fine(): string {
        return 'fine';
      }
    }
    const client = await connect((await start(subject, [PendingGateway])).url('/pending'));
    expect(await client.json()).toBe('begun');
    expect(await client.ask('fine')).toBe('fine');
    gate.resolve();
    expect(await client.json()).toBe('ready');
  });
});
