import { randomBytes } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { unixTarget } from '../../options/index.js';
import { acceptOf } from './handshake.js';

export interface DialOptions {
  /** Limit of the handshake in milliseconds. */
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** A socket on which a server has granted the upgrade. */
export interface Dialled {
  readonly socket: Socket;
  /** What the server sent behind its answer. */
  readonly head: Buffer;
}

/** What a request over a Unix socket names as its host. */
const UNIX_HOST = 'http://localhost';

/** Characters of the body of a refusal that are kept. */
const MOST_TEXT = 200;

/**
 * Asks for a WebSocket, without extensions.
 * @param url `ws:`, `wss:` or `ws+unix:`
 * @throws with the reason, when it is not granted
 */
export function dialWebSocket(
  url: string,
  { timeoutMs, headers, signal }: DialOptions,
): Promise<Dialled> {
  const key = randomBytes(16).toString('base64');
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    const isSecure = target.protocol === 'wss:';
    const unix = unixTarget(target);
    target.protocol = isSecure ? 'https:' : 'http:';
    const asked = (isSecure ? requestHttps : requestHttp)(unix ? UNIX_HOST : target, {
      ...unix,
      agent: false,
      headers: {
        ...headers,
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': key,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
      },
    });
    const giveUp = () => asked.destroy(new Error('given up'));
    signal.addEventListener('abort', giveUp);
    const limit = setTimeout(
      () => asked.destroy(new Error('Opening handshake has timed out')),
      timeoutMs,
    );
    const leave = () => {
      clearTimeout(limit);
      signal.removeEventListener('abort', giveUp);
    };
    asked.on('error', reject);
    asked.on('close', leave);
    asked.on('response', (response) => {
      // Whatever happens next: it was refused.
      asked.off('error', reject).on('error', () => {});
      void textOf(response).then((text) => reject(refused(response, text)));
    });
    asked.on('upgrade', (response, socket: Socket, head) => {
      leave();
      const fault = faultOf(response, key);
      if (fault === undefined) {
        resolve({ socket, head });
        return;
      }
      socket.destroy();
      reject(new Error(fault));
    });
    asked.end();
  });
}

function faultOf({ headers }: IncomingMessage, key: string): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'Invalid Upgrade header';
  if (headers['sec-websocket-accept'] !== acceptOf(key)) {
    return 'Invalid Sec-WebSocket-Accept header';
  }
  const unasked = ['sec-websocket-protocol', 'sec-websocket-extensions'];
  const name = unasked.find((header) => headers[header] !== undefined);
  return name && `The server chose a ${name} that was not offered`;
}

/** What is read of a body until it ends or is cut, as one line. Of a long one the rest is not read. */
async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const part of response) {
      text += part as string;
      if (text.length >= MOST_TEXT) break;
    }
  } catch {
    // What came before is told.
  }
  // It ends up in a log, where nobody may write lines of their own.
  return text
    .slice(0, MOST_TEXT)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
}

const refused = ({ statusCode }: IncomingMessage, text: string) =>
  new Error(text === '' ? `HTTP ${statusCode}` : `HTTP ${statusCode}: ${text}`);
