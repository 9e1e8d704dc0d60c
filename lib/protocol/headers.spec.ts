import fc from 'fast-check';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headersOf } from './headers.js';

let server: Server;
let socket: Socket;

beforeAll(async () => {
  server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
});

afterAll(() => {
  socket.destroy();
  server.close();
});

/** What Node's own parser makes of these headers. */
function parsedByNode(lines: readonly (readonly [string, string])[]): Promise<IncomingMessage> {
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return new Promise((resolve) => {
    server.once('request', resolve);
    socket.write(`GET / HTTP/1.1\r\n${text}\r\n`, 'latin1');
  });
}

const NAMES = (
  'Age Authorization Content-Type ETag Expires From If-Modified-Since If-Unmodified-Since ' +
  'Last-Modified Location Max-Forwards Proxy-Authorization Referer Retry-After Server User-Agent ' +
  'Cookie Set-Cookie Accept Origin X-Forwarded-For Sec-WebSocket-Protocol Cache-Control DNT Date ' +
  'Via Vary If-Match If-None-Match Accept-Encoding Warning constructor toString'
).split(' ');

const anyCase = (name: string) => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase());
const anyName = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES).chain(anyCase) },
  { weight: 1, arbitrary: fc.stringMatching(/^x-[a-z\d!#$%&'*+.^_`|~-]{1,8}$/) },
);
const value = fc.oneof(fc.constant(''), fc.stringMatching(/^[!-~\xa1-\xff]([ -~]{0,10}[!-~])?$/));

describe('headersOf', () => {
  it('joins as Node does, for any headers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyName, value), { maxLength: 20 }), async (lines) => {
        const { rawHeaders, headers } = await parsedByNode([['Host', 'a'], ...lines]);
        expect({ ...headersOf(rawHeaders) }).toEqual(headers);
        expect(Object.keys(headersOf(rawHeaders))).toEqual(Object.keys(headers));
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, string[], Record<string, unknown>]>([
    ['nothing', [], {}],
    ['a name in any case', ['X-A', '1', 'x-a', '2'], { 'x-a': '1, 2' }],
    ['cookies', ['Cookie', 'a=1', 'cookie', 'b=2'], { cookie: 'a=1; b=2' }],
    ['set-cookie', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b'], { 'set-cookie': ['a=1', 'b'] }],
    ['one that is single', ['Host', 'a', 'Host', 'b'], { host: 'a' }],
    ['empty values', ['X-A', '', 'X-A', ''], { 'x-a': ', ' }],
    ['a name without a value', ['X-A', '1', 'X-B'], { 'x-a': '1' }],
  ])('reads %s', (_, rawHeaders, expected) => {
    expect({ ...headersOf(rawHeaders) }).toEqual(expected);
  });

  it('is an ordinary object that no header name can spoil', () => {
    const headers = headersOf(['__proto__', 'x', 'toString', 'y']);
    expect(Object.keys(headers)).toEqual(['tostring']);
    expect(headers).toEqual({ tostring: 'y' });
    expect(headersOf(['constructor', 'x'])).toEqual({ constructor: 'x' });
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
