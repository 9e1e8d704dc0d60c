import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hasIpv6 } from '../../../test/support/ipv6.js';
import { until } from '../../../test/support/until.js';
import { dialWebSocket } from './dial.js';
import { acceptOf } from './handshake.js';

let server: Server;
let answered: Socket | undefined;
let request = '';
/** What the server got after its answer. */
let further = '';

/** A server that has this done with the first request. */
async function listen(
  onKey: (socket: Socket, key: string) => unknown,
  where: ListenOptions = { port: 0, host: '127.0.0.1' },
) {
  request = further = '';
  server = createServer((socket) => {
    answered = socket;
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      request = bytes.toString();
      socket.on('data', (more) => (further += more.toString()));
      const [, key] = /sec-websocket-key: (\S+)/i.exec(request)!;
      void onKey(socket, key!);
    });
  }).listen(where);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, url: `ws://127.0.0.1:${port}/service` };
}

const open = (url: string, { timeoutMs = 10_000, abort = new AbortController() } = {}) =>
  dialWebSocket(url, { timeoutMs, headers: {}, signal: abort.signal });

/** Dials a server that gives this answer. */
async function dial(answer: (key: string) => string, options: Parameters<typeof open>[1] = {}) {
  const { url } = await listen((socket, key) => socket.write(answer(key)));
  return open(url, options);
}

afterEach(() => {
  vi.restoreAllMocks();
  answered?.destroy();
  server.close();
});

const granted = (accept: string, ...further: string[]) =>
  [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    ...further,
    '\r\n',
  ].join('\r\n');
const grantedTo = (key: string) => granted(acceptOf(key), 'Upgrade: websocket');

describe('dialWebSocket', () => {
  it('gives the socket and what came behind the answer, and leaves it alone from then on', async () => {
    const abort = new AbortController();
    const dialled = await dial((key) => `${granted(acceptOf(key), 'Upgrade: WebSocket')}early`, {
      abort,
      timeoutMs: 500,
    });
    expect(dialled.head.toString()).toBe('early');
    abort.abort();
    await sleep(600);
    expect(dialled.socket.destroyed).toBe(false);
    dialled.socket.destroy();
  });

  it('asks for what a URL names, with its query, and sends its headers', async () => {
    const { port } = await listen((socket, key) => socket.write(grantedTo(key)));
    const { socket } = await dialWebSocket(`ws://127.0.0.1:${port}/a/b%20c?token=x&y=%C3%A4`, {
      timeoutMs: 10_000,
      headers: { authorization: 'Bearer abc' },
      signal: new AbortController().signal,
    });
    socket.destroy();
    expect(request).toMatch(/^GET \/a\/b%20c\?token=x&y=%C3%A4 HTTP\/1\.1\r\n/);
    expect(request).toMatch(new RegExp(`^Host: 127\\.0\\.0\\.1:${port}\\r$`, 'im'));
    expect(request).toMatch(/^authorization: Bearer abc\r$/im);
    expect(request).toMatch(/^sec-websocket-version: 13\r$/im);
    expect(request).toMatch(/^sec-websocket-key: [\w+/]{22}==\r$/im);
    expect(request).not.toMatch(/^sec-websocket-(protocol|extensions):/im);
  });

  it('asks over a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dial-'));
    const path = join(folder, 'relay.sock');
    await listen((socket, key) => socket.write(grantedTo(key)), { path });
    const { socket } = await open(`ws+unix://${path}:/service?x=1`);
    expect(request).toMatch(/^GET \/service\?x=1 HTTP\/1\.1\r\n/);
    expect(request).toMatch(/\r\nhost: localhost\r\n/i);
    socket.write('further');
    await until(() => expect(further).toBe('further'));
    rmSync(folder, { recursive: true });
    await expect(open(`ws+unix://${path}:/service`)).rejects.toThrow('ENOENT');
  });

  it('asks for / where a URL has no path', async () => {
    const { port } = await listen((socket, key) => socket.write(grantedTo(key)));
    const { socket } = await open(`ws://127.0.0.1:${port}`);
    socket.destroy();
    expect(request).toMatch(/^GET \/ HTTP/);
  });

  it.skipIf(!hasIpv6)('dials an IPv6 address', async () => {
    const { port } = await listen((socket, key) => socket.write(grantedTo(key)), {
      port: 0,
      host: '::1',
    });
    const { socket } = await open(`ws://[::1]:${port}/service`);
    expect(socket.remoteAddress).toBe('::1');
    socket.destroy();
    expect(request).toMatch(new RegExp(`^Host: \\[::1\\]:${port}\\r$`, 'im'));
  });

  it.each([
    ['ws://relay.test/service', 80],
    ['wss://relay.test/service', 443],
    ['ws://relay.test:443/service', 443],
    ['wss://relay.test:80/service', 80],
  ])('dials %s at port %i', async (url, port) => {
    const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (
      this: Socket,
    ) {
      setImmediate(() => this.destroy(new Error('far away')));
      return this;
    });
    await expect(open(url)).rejects.toThrow(/far away|Socket is closed/);
    const [given] = connect.mock.calls[0] as unknown as [object | [object]];
    expect(Array.isArray(given) ? given[0] : given).toMatchObject({ host: 'relay.test', port });
  });

  it('takes an answer that comes in pieces, and one with others before it', async () => {
    const { url } = await listen(async (socket, key) => {
      socket.setNoDelay(true).write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
      for (const piece of `${grantedTo(key)}first`.match(/[^]{1,7}/g)!) {
        socket.write(piece);
        await sleep(1);
      }
    });
    const { socket, head } = await open(url);
    let text = head.toString();
    socket.on('data', (bytes) => (text += bytes.toString()));
    await until(() => expect(text).toBe('first'));
    socket.destroy();
  });

  it.each([
    ['Invalid Sec-WebSocket-Accept header', 'Upgrade: websocket', () => 'wrong'],
    ['Invalid Upgrade header', 'Upgrade: h2c', acceptOf],
    [
      'The server chose a sec-websocket-extensions that was not offered',
      'Upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate',
      acceptOf,
    ],
    [
      'The server chose a sec-websocket-protocol that was not offered',
      'Upgrade: websocket\r\nSec-WebSocket-Protocol: chat',
      acceptOf,
    ],
  ])('fails and hangs up: %s', async (fault, header, accept) => {
    await expect(dial((key) => granted(accept(key), header))).rejects.toThrow(fault);
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it.each([
    [
      'no Sec-WebSocket-Accept',
      'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    ['no Connection', 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n'],
    ['no Upgrade', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n'],
    ['another status', 'HTTP/1.1 200 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['another protocol', 'SSH-2.0-server\r\n'],
  ])('fails when the answer has %s', async (_, answer) => {
    const { url } = await listen((socket) => socket.end(answer));
    await expect(open(url)).rejects.toThrow(/Sec-WebSocket-Accept|HTTP 101|HTTP 200|Parse Error/);
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it('fails when the connection is closed without an answer', async () => {
    const { url } = await listen((socket) => socket.end());
    await expect(open(url)).rejects.toThrow('socket hang up');
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    const { url } = await listen((socket) => {
      requests++;
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/elsewhere\r\nContent-Length: 5\r\n\r\nmoved`,
      );
    });
    await expect(open(url)).rejects.toThrow('HTTP 302: moved');
    expect(requests).toBe(1);
  });

  it.each([
    [401, 'Content-Length: 14\r\n\r\ntoken expired\n', 'HTTP 401: token expired'],
    [
      403,
      'Transfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n5\r\n here\r\n0\r\n\r\n',
      'HTTP 403: not here',
    ],
    [503, '\r\n', 'HTTP 503'],
    [503, 'Content-Length: 10\r\n\r\n\r\nl\u001b[1m\n\u0000x', 'HTTP 503: l [1m x'],
    [502, 'Content-Length: 100\r\n\r\ncut short', 'HTTP 502: cut short'],
  ])('tells status %i and the text behind it, in one line', async (status, rest, fault) => {
    const { url } = await listen((socket) => socket.end(`HTTP/1.1 ${status} X\r\n${rest}`));
    await expect(open(url)).rejects.toThrow(new Error(fault));
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it('reads no more than it tells of a refusal that never ends', async () => {
    const { url } = await listen((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write('x'.repeat(1000)));
      };
      socket.write('HTTP/1.1 503 X\r\n\r\n');
      socket.on('drain', more);
      more();
    });
    await expect(open(url)).rejects.toThrow(new Error(`HTTP 503: ${'x'.repeat(200)}`));
    await until(() => expect(answered!.destroyed).toBe(true));
    expect(answered!.bytesWritten).toBeLessThan(50_000_000);
  });

  it('tells what came of a refusal that stops', async () => {
    await expect(
      dial(() => 'HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\nwait', { timeoutMs: 300 }),
    ).rejects.toThrow('HTTP 503: wait');
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it('reads no headers without end', async () => {
    const { url } = await listen((socket) => {
      socket.write(`HTTP/1.1 101 X\r\n${'A: b\r\n'.repeat(20_000)}`);
    });
    await expect(open(url)).rejects.toThrow('Header overflow');
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it.each([
    ['nothing', () => ''],
    ['a part', () => 'HTTP/1.1 101 Swi'],
    ['other answers', () => 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('fails when only %s comes in time', async (_, answer) => {
    await expect(dial(answer, { timeoutMs: 200 })).rejects.toThrow(
      'Opening handshake has timed out',
    );
    await until(() => expect(answered!.destroyed).toBe(true));
  });

  it('fails in time when the answer only trickles in', async () => {
    const { url } = await listen(async (socket) => {
      socket.write('HTTP/1.1 101 X\r\n');
      while (!socket.destroyed) {
        socket.write('A: b\r\n');
        await sleep(20);
      }
    });
    await expect(open(url, { timeoutMs: 300 })).rejects.toThrow('Opening handshake has timed out');
  });

  it('can be given up', async () => {
    const abort = new AbortController();
    const { url } = await listen(() => abort.abort());
    await expect(open(url, { abort })).rejects.toThrow('given up');
    await until(() => expect(answered!.destroyed).toBe(true));
    expect(further).toBe('');
  });
});
