import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Of RFC 6455, 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What a server answers to a key. */
export const acceptOf = (key: string): string =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64');

/**
 * Answers a request for a WebSocket, whose handshake is in order, with 101.
 * @param headers further lines of the answer
 * @returns whether the client is still there
 */
export function grantUpgrade(
  { headers: asked }: IncomingMessage,
  socket: Socket,
  headers: readonly string[] = [],
): boolean {
  // An end that came before anyone listened is not reported again.
  if (!socket.readable || !socket.writable) {
    socket.destroy();
    return false;
  }
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(asked['sec-websocket-key']!)}`,
    ...headers,
  ];
  socket.setNoDelay(true);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return true;
}
