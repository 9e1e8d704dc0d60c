import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { acceptOf, grantUpgrade } from './handshake.js';

/** Of RFC 6455, 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const request = { headers: { 'sec-websocket-key': KEY } } as unknown as IncomingMessage;

it('answers the key of the standard', () => {
  expect(acceptOf(KEY)).toBe(ACCEPT);
});

describe('grantUpgrade', () => {
  const socketOf = () => Object.assign(new PassThrough(), { setNoDelay: () => {} });

  it('answers with 101 and further lines', () => {
    const socket = socketOf();
    const further = ['Sec-WebSocket-Protocol: chat'];
    expect(grantUpgrade(request, socket as unknown as Socket, further)).toBe(true);
    expect((socket.read() as Buffer).toString()).toBe(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${ACCEPT}`,
        'Sec-WebSocket-Protocol: chat',
        '\r\n',
      ].join('\r\n'),
    );
  });

  it('cuts the connection of a client that has ended it', () => {
    const socket = socketOf();
    socket.end();
    expect(grantUpgrade(request, socket as unknown as Socket)).toBe(false);
    expect(socket.destroyed).toBe(true);
  });
});
