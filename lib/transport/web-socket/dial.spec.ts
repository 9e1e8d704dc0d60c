import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { dialWebSocket } from './dial.js';
import { acceptOf } from './handshake.js';

let server: Server;
let answered: Socket | undefined;

/** Dials a server that gives this answer. */
async function dial(answer: (key: string) => string, abort = new AbortController()) {
  server = createServer((socket) => {
    answered = socket;
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const [, key] = /sec-websocket-key: (\S+)/i.exec(bytes.toString())!;
      socket.write(answer(key!));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/service`;
  return dialWebSocket(url, { timeoutMs: 200, headers: {}, signal: abort.signal });
}

afterEach(() => {
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

describe('dialWebSocket', () => {
  it('gives the socket and what came behind the answer, and leaves it alone from then on', async () => {
    const abort = new AbortController();
    const dialled = await dial(
      (key) => `${granted(acceptOf(key), 'Upgrade: WebSocket')}early`,
      abort,
    );
    expect(dialled.head.toString()).toBe('early');
    abort.abort();
    expect(dialled.socket.destroyed).toBe(false);
    dialled.socket.destroy();
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
  ])('fails: %s', async (fault, header, accept) => {
    await expect(dial((key) => granted(accept(key), header))).rejects.toThrow(fault);
  });

  it('fails when the answer does not come in time', async () => {
    await expect(dial(() => 'HTTP/1.1 101 Swi')).rejects.toThrow('Opening handshake has timed out');
  });
});
