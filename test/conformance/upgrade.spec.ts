import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { VerifyClientCallbackAsync, VerifyClientCallbackSync, WebSocket } from 'ws';
import { capture } from './support/capture.js';
import { connect, dial, eventually, refusal } from './support/client.js';
import { start } from './support/harness.js';
import { subjects } from './support/subjects.js';

type GatewayOptions = Record<string, unknown>;

describe.each(subjects)('upgrade on $name', (subject) => {
  const connections: string[] = [];
  const disconnects: unknown[] = [];

  /** Starts one gateway at /upgrade with these options and gives the address of it. */
  async function serve(options: GatewayOptions): Promise<string> {
    connections.length = 0;
    disconnects.length = 0;

    @WebSocketGateway({ path: '/upgrade', ...options })
    class UpgradeGateway implements OnGatewayConnection {
      handleConnection(client: WebSocket): void {
        connections.push(client.protocol);
      }

      handleDisconnect(_client: WebSocket, code: unknown): void {
        disconnects.push(code);
      }

      @SubscribeMessage('protocol')
      protocol(client: WebSocket): string {
        return client.protocol;
      }
    }
    return (await start(subject, [UpgradeGateway])).url('/upgrade');
  }

  it('agrees on the first subprotocol that the client offers', async () => {
    const { client, server, request } = await capture(subject, { protocols: ['chat.v2', 'chat'] });
    expect(client.socket.protocol).toBe('chat.v2');
    expect(server.protocol).toBe('chat.v2');
    expect(request.headers['sec-websocket-protocol']).toBe('chat.v2,chat');
  });

  it('needs no subprotocol', async () => {
    const { client, server } = await capture(subject);
    expect([client.socket.protocol, server.protocol]).toEqual(['', '']);
  });

  it('asks handleProtocols for the subprotocol', async () => {
    const url = await serve({
      handleProtocols: (protocols: Set<string>, request: IncomingMessage) =>
        request.url?.endsWith('v1') && protocols.has('chat.v1') ? 'chat.v1' : false,
    });
    const client = await connect(`${url}?v1`, ['chat.v2', 'chat.v1']);
    expect(client.socket.protocol).toBe('chat.v1');
    expect(await client.ask('protocol')).toBe('chat.v1');
    const without = await connect(url);
    expect(await without.ask('protocol')).toBe('');
    // The upgrade is answered without a subprotocol, which this client does not accept.
    const { socket } = dial(url, ['chat.v2']);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toBe('Server sent no subprotocol');
  });

  it('refuses by a synchronous verifyClient', async () => {
    const seen: unknown[] = [];
    const verifyClient: VerifyClientCallbackSync = ({ origin, secure, req }) => {
      seen.push({ origin, secure, url: req.url, address: req.socket.remoteAddress });
      return req.url?.endsWith('good') ?? false;
    };
    const url = await serve({ verifyClient });
    expect(await refusal(`${url}?bad`)).toMatchObject({ status: 401, body: 'Unauthorized' });
    const client = await connect(`${url}?good`, [], { origin: 'https://example.com' });
    expect(await client.ask('protocol')).toBe('');
    const common = { secure: false, address: '127.0.0.1' };
    expect(seen).toEqual([
      { ...common, origin: undefined, url: '/upgrade?bad' },
      { ...common, origin: 'https://example.com', url: '/upgrade?good' },
    ]);
    expect(connections).toEqual(['']);
    expect(disconnects).toEqual([]);
  });

  it('refuses by an asynchronous verifyClient with its status, text and headers', async () => {
    const verifyClient: VerifyClientCallbackAsync = ({ req }, done) => {
      setImmediate(() => {
        if (req.url?.endsWith('good')) {
          done(true);
        } else if (req.url?.endsWith('plain')) {
          done(false);
        } else {
          done(false, 403, 'Not today', { 'X-Why': 'because' });
        }
      });
    };
    const url = await serve({ verifyClient });
    expect(await refusal(`${url}?bad`)).toMatchObject({
      status: 403,
      body: 'Not today',
      headers: { 'x-why': 'because' },
    });
    expect(await refusal(`${url}?plain`)).toMatchObject({ status: 401 });
    expect(await (await connect(`${url}?good`, ['p'])).ask('protocol')).toBe('p');
    expect(connections).toEqual(['p']);
  });

  it('limits messages by maxPayload', async () => {
    const url = await serve({ maxPayload: 100 });
    const client = await connect(url);
    const frame = JSON.stringify({ event: 'protocol', data: '' });
    const padded = frame.padEnd(100, ' ');
    client.socket.send(padded);
    expect(await client.json()).toBe('');
    client.socket.send(`${padded} `);
    expect((await client.closed).code).toBe(1009);
    await eventually(() => expect(disconnects.length).toBe(1));
    expect(client.inbox).toEqual([]);
    // One client's message is no other one's problem.
    expect(await (await connect(url)).ask('protocol')).toBe('');
  });

  it('answers a malformed handshake with 400', async () => {
    const url = await serve({});
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    const request = get(url.replace('ws:', 'http:'), {
      headers: { ...headers, 'Sec-WebSocket-Key': 'short' },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(400);
    expect(await (await connect(url)).ask('protocol')).toBe('');
    expect(connections).toEqual(['']);
  });

  it('leaves plain HTTP requests of the path to the app', async () => {
    const url = await serve({});
    const response = await fetch(url.replace('ws:', 'http:'));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ message: 'Cannot GET /upgrade' });
  });
});
