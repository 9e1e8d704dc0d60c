import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CloseEvent, type MessageEvent, type RawData, WebSocket } from 'ws';
import { connect, eventually } from './support/client.js';
import { capture } from './support/capture.js';
import { start } from './support/harness.js';
import { expectationOf } from './support/subject.js';
import { subjects } from './support/subjects.js';

describe.each(subjects)('client object on $name', (subject) => {
  it('looks like a WebSocket of ws', async () => {
    const { client, server } = await capture(subject);
    const expected = {
      CONNECTING: 0,
      OPEN: 1,
      CLOSING: 2,
      CLOSED: 3,
      readyState: WebSocket.OPEN,
      protocol: '',
      extensions: '',
      binaryType: 'nodebuffer',
      bufferedAmount: 0,
      isPaused: false,
      onopen: null,
      onmessage: null,
      onclose: null,
      onerror: null,
    };
    const names = Object.keys(expected) as (keyof typeof expected)[];
    expect(Object.fromEntries(names.map((name) => [name, server[name]]))).toEqual(expected);
    // ws knows the address of a client's side only.
    expect(server.url).toBeUndefined();
    const methods = ['send', 'close', 'terminate', 'ping', 'pong', 'pause', 'resume'] as const;
    expect(methods.filter((name) => typeof server[name] !== 'function')).toEqual([]);
    server.send('fine');
    expect((await client.next()).text).toBe('fine');
  });

  it('is one object for all events of a connection, with its own properties', async () => {
    const seen: WebSocket[] = [];
    type Named = WebSocket & { user?: { name: string; messages: number } };
    @WebSocketGateway({ path: '/named' })
    class NamedGateway implements OnGatewayConnection {
      handleConnection(client: Named): void {
        seen.push(client);
        client.user = { name: 'nobody', messages: 0 };
        client.on('close', function (this: WebSocket) {
          seen.push(this);
        });
      }

      handleDisconnect(client: Named): void {
        seen.push(client);
      }

      @SubscribeMessage('name')
      async name(@ConnectedSocket() client: Named, @MessageBody() name: string): Promise<void> {
        seen.push(await Promise.resolve(client));
        Object.assign(client.user ?? {}, { name });
      }

      @SubscribeMessage('who')
      who(@ConnectedSocket() client: Named): unknown {
        seen.push(client);
        client.user!.messages += 1;
        return client.user;
      }
    }
    const app = await start(subject, [NamedGateway]);
    const client = await connect(app.url('/named'));
    client.emit('name', 'Ada');
    expect(await client.ask('who')).toEqual({ name: 'Ada', messages: 1 });
    const other = await connect(app.url('/named'));
    expect(await other.ask('who')).toEqual({ name: 'nobody', messages: 1 });
    expect(await client.ask('who')).toEqual({ name: 'Ada', messages: 2 });
    const stranger = new Set(seen).size;
    await client.close();
    await eventually(() => expect(seen.length).toBe(8));
    expect([stranger, new Set(seen).size]).toEqual([2, 2]);
    expect(Object.isExtensible(seen[0])).toBe(true);
  });

  it('can be the value of a promise', async () => {
    const { server } = await capture(subject);
    expect('then' in server).toBe(false);
    expect((await (async () => server)()) === server).toBe(true);
  });

  it('emits message with data and isBinary beside the handlers', async () => {
    const { client, server } = await capture(subject);
    const seen: unknown[] = [];
    server.on('message', (data: RawData, isBinary: boolean) => {
      seen.push([Buffer.isBuffer(data), data.toString(), isBinary]);
    });
    client.socket.send('not for a handler');
    client.socket.send(Buffer.from('bytes'));
    expect(await client.ask('fine')).toBe('fine');
    expect(seen).toEqual([
      [true, 'not for a handler', false],
      [true, 'bytes', true],
      [true, '{"event":"fine"}', false],
    ]);
  });

  it('adds and removes listeners as an emitter', async () => {
    const { client, server } = await capture(subject);
    const counts = { once: 0, on: 0, prepended: 0 };
    const onMessage = (): void => void (counts.on += 1);
    const before = server.listenerCount('message');
    server.once('message', () => (counts.once += 1));
    server.on('message', onMessage);
    server.prependListener('message', () => (counts.prepended += 1));
    await client.ask('fine');
    server.off('message', onMessage);
    await client.ask('fine');
    expect(counts).toEqual({ once: 1, on: 1, prepended: 2 });
    expect(server.listenerCount('message')).toBe(before + 1);
    const awaited = once(server, 'message');
    client.socket.send('awaited');
    expect(String((await awaited)[0])).toBe('awaited');
  });

  it('adds and removes listeners as an event target', async () => {
    const { client, server } = await capture(subject);
    const seen: unknown[] = [];
    const listener = ({ type, data, target }: MessageEvent): void => {
      const form = Buffer.isBuffer(data) ? 'buffer' : typeof data;
      seen.push([type, form, String(data), target === server]);
    };
    const object = { handleEvent: () => seen.push('object') };
    server.addEventListener('message', listener);
    server.addEventListener('message', listener);
    server.addEventListener('message', () => seen.push('once'), { once: true });
    server.addEventListener('message', object as never);
    client.socket.send('text');
    client.socket.send(Buffer.from('bytes'));
    await client.ask('fine');
    server.removeEventListener('message', listener);
    server.removeEventListener('message', object as never);
    await client.ask('fine');
    expect(seen).toEqual([
      ['message', 'string', 'text', true],
      'once',
      'object',
      ['message', 'buffer', 'bytes', true],
      'object',
      ['message', 'string', '{"event":"fine"}', true],
      'object',
    ]);
  });

  it('calls onmessage and onclose, and the close event tells all', async () => {
    const { client, server } = await capture(subject);
    const seen: unknown[] = [];
    server.onmessage = (event: MessageEvent) => seen.push(['replaced', event.data]);
    server.onmessage = (event: MessageEvent) => seen.push(event.data);
    server.onclose = ({ type, code, reason, wasClean }: CloseEvent) => {
      seen.push({ type, code, reason, wasClean });
    };
    expect(server.onmessage).toBeTypeOf('function');
    client.socket.send('text');
    await client.ask('fine');
    server.onmessage = null;
    await client.ask('fine');
    await client.close(4005, 'bye');
    await eventually(() => expect(seen.length).toBe(3));
    expect(seen).toEqual([
      'text',
      '{"event":"fine"}',
      { type: 'close', code: 4005, reason: 'bye', wasClean: true },
    ]);
  });

  it('takes many listeners', async () => {
    const { client, server } = await capture(subject);
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => emitWarning.mockRestore());
    let calls = 0;
    for (let index = 0; index < 20; index += 1) {
      server.on('message', () => (calls += 1));
    }
    await client.ask('fine');
    expect(calls).toBe(20);
    // Each gateway of a path adds listeners of its own: with many the stock adapter warns of a leak.
    const warnings = expectationOf(subject, { stock: 1, both: 0, split: 0 });
    expect(emitWarning).toHaveBeenCalledTimes(warnings);
  });
});
