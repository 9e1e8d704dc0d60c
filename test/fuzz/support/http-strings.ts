import { upgradeRequest } from '../../support/relay-fixture.js';
import type { FuzzRandom } from './fuzz-random.js';

const URLS = ['*', '//', '/%', '/%00', 'http://[', '///chat', '/chat?%ff', '/../..', 'chat', '?'];
const METHODS = ['POST', 'CONNECT', 'OPTIONS', 'PRI', 'get', 'G\u0000T', 'M-SEARCH'];
const HEADERS = [
  'Content-Length: 10',
  'Content-Length: -1',
  'Transfer-Encoding: chunked',
  'Upgrade: h2c',
  'Connection: close',
  'Expect: 100-continue',
  'Sec-WebSocket-Version: 99',
  'Sec-WebSocket-Key: x',
  'Sec-WebSocket-Protocol: a,a',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=1',
  'Sec-WebSocket-Extensions: ;;;===',
  'Host:',
  ': nameless',
  'No colon',
];

type Mutation = (request: string, random: FuzzRandom) => string | Buffer;

const withHeader = (request: string, line: string) =>
  request.replace('\r\n\r\n', `\r\n${line}\r\n\r\n`);
const printable = (random: FuzzRandom, length: number) =>
  random
    .bytes(length)
    .toString('latin1')
    .replace(/[\r\n]/g, ' ');

const mutations: Mutation[] = [
  (request, random) => random.mutate(Buffer.from(request)),
  (request, random) => random.mutate(random.mutate(Buffer.from(request))),
  (request, random) => request.replace(/ \S+ /, ` ${random.pick(URLS)} `),
  (request, random) => request.replace(/ \S+ /, ` /${printable(random, random.int(1, 60))} `),
  (request, random) => request.replace('GET', random.pick(METHODS)),
  (request, random) => withHeader(request, random.pick(HEADERS)),
  (request, random) => withHeader(request, `X-Fuzz: ${printable(random, random.int(0, 200))}`),
  (request, random) => withHeader(request, `X-Large: ${'x'.repeat(random.int(1, 40_000))}`),
  (request, random) => withHeader(request, 'X-Many: 1\r\n'.repeat(random.int(1, 2500)).trim()),
  (request) => request.replaceAll('\r\n', '\n'),
  (request, random) =>
    request.replace(/Sec-WebSocket-Key: .*/, `Sec-WebSocket-Key: ${printable(random, 24)}`),
  (request) => request + request,
  (request, random) =>
    request.replace('HTTP/1.1', random.pick(['HTTP/1.0', 'HTTP/9.9', 'HTTP/', ''])),
];

/** An upgrade request with something wrong. */
export function brokenUpgrade(
  random: FuzzRandom,
  path: string,
  headers?: Record<string, string>,
): Buffer {
  // Long requests cost as much as a hundred short ones.
  const usual = random.chance(0.97) ? mutations.filter((_, i) => i !== 7 && i !== 8) : mutations;
  const broken = random.pick(usual)(upgradeRequest(path, headers), random);
  return typeof broken === 'string' ? Buffer.from(broken, 'latin1') : broken;
}
