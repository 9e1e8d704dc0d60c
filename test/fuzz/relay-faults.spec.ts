import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createTokenSigner } from '../../lib/transport/service-token.js';
import { resolveOptions } from '../../lib/options/index.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage } from '../../lib/protocol/messages.js';
import { TestRelay } from '../support/relay-fixture.js';
import {
  ackFrame,
  controlFrame,
  dataFrame,
  looseFrame,
  rawFrame,
} from './support/session-strings.js';
import { authorization, security, SERVICE_PATH, Site } from './support/site.js';

const HELLO: ControlMessage = {
  type: MessageType.HandshakeRequest,
  version: 1,
  serverId: 'hub',
  serverName: 'hub',
  appVersion: '1',
  endpoints: [{ port: 0, path: '/other' }],
  keepAliveMs: 5000,
  deadAfterMs: 30_000,
};
const hello = controlFrame(HELLO);
const fin = controlFrame({ type: MessageType.Fin });
const close = (link: number) =>
  controlFrame({ type: MessageType.CloseConnection, link, code: 1000, reason: '' });

let site: Site;
beforeAll(async () => {
  site = await Site.start();
});
afterAll(() => site.stop());

interface End {
  code: number;
  reason: string;
}

/** Sends the messages as a hub server with a valid token; resolves with how the relay ended it. */
async function endOf(port: number, messages: (Buffer | string)[]): Promise<End> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${SERVICE_PATH}`, {
    headers: { authorization: await authorization('hub') },
  });
  return new Promise((resolve, reject) => {
    socket.on('open', () => messages.forEach((message) => socket.send(message)));
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on('error', reject);
  });
}

const faults: [name: string, messages: (Buffer | string)[], code: number, reason: string][] = [
  [
    'garbage',
    [Buffer.from('garbage, garbage')],
    4413,
    'frame 0x67 of 1697390695 bytes, limit 1048576',
  ],
  [
    'a body that is no MessagePack',
    [rawFrame(0x20, 0, 0, Buffer.from([0xc1]))],
    4400,
    'message 0x20 is not MessagePack',
  ],
  [
    'bytes after the map',
    [rawFrame(0x20, 0, 0, Buffer.from([0x80, 0x80]))],
    4400,
    'message 0x20 is not MessagePack',
  ],
  ['a truncated header', [hello.subarray(0, 7)], 4400, 'truncated frame header'],
  ['a truncated body', [hello.subarray(0, 40)], 4400, 'truncated frame body'],
  [
    'an oversized control message',
    [rawFrame(0x20, 0, 0, Buffer.alloc(0), 1_048_577)],
    4413,
    'frame 0x20 of 1048577 bytes, limit 1048576',
  ],
  [
    'oversized data',
    [hello, rawFrame(0x01, 0, 1, Buffer.alloc(0), 67_108_865)],
    4413,
    'frame 0x1 of 67108865 bytes, limit 67108864',
  ],
  ['a text message', [hello, 'text'], 4400, 'text message on a service connection'],
  [
    'a missing field',
    [looseFrame(0x20, 0, { version: 1 })],
    4402,
    'message 0x20: field "serverId" must be a string of at most 128 characters',
  ],
  [
    'a field of the wrong type',
    [hello, looseFrame(0x32, 1, { code: '1', reason: '' })],
    4402,
    'message 0x32: field "code" must be an integer from 1000 to 4999',
  ],
  [
    'times that contradict',
    [controlFrame({ ...HELLO, deadAfterMs: 5000 })],
    4402,
    'deadAfterMs must be greater than keepAliveMs',
  ],
  [
    'another version',
    [controlFrame({ ...HELLO, version: 2 })],
    4426,
    'protocol version 2 is not supported, this relay speaks 1',
  ],
  [
    'another serverId than the token',
    [controlFrame({ ...HELLO, serverId: 'x' })],
    4409,
    'the handshake names another server than the token',
  ],
  [
    'a message before the handshake',
    [fin, hello],
    4403,
    'the first message must be HandshakeRequest',
  ],
  [
    'data before the handshake',
    [dataFrame(1, Buffer.from('x'), 0)],
    4403,
    'frame before the handshake',
  ],
  ['a second handshake', [hello, hello], 4403, 'message 0x20 is not for a relay'],
  [
    'a message in the wrong direction',
    [hello, controlFrame({ type: MessageType.FinAck })],
    4403,
    'message 0x24 is not for a relay',
  ],
  ['an unknown link', [hello, close(1)], 4404, 'unknown link 1'],
  ['link 0', [hello, dataFrame(0, Buffer.from('x'), 0)], 4404, 'unknown link 0'],
  [
    'unknown data flags',
    [hello, dataFrame(1, Buffer.from('x'), 10)],
    4400,
    'unknown data flags 0xa',
  ],
  [
    'the payload of no data before it',
    [hello, dataFrame(1, Buffer.alloc(0), 4)],
    4400,
    'data frame without the one whose payload it has',
  ],
  [
    'an acknowledgement of 9 bytes',
    [hello, rawFrame(0x02, 0, 1, Buffer.alloc(9))],
    4400,
    'acknowledgement of 9 bytes',
  ],
  [
    'descending ranges',
    [hello, ackFrame(1, 5, [9, 7])],
    4400,
    'acknowledged ranges are not in ascending order',
  ],
];

test.each(faults)(
  'a relay closes a service connection after %s',
  async (_, messages, code, reason) => {
    expect(await endOf(site.servicePort, messages)).toEqual({ code, reason });
    await site.live.alive();
    expect(site.live.problems).toEqual([]);
  },
);

const answers: [name: string, frames: (link: number) => Buffer[], reason: string][] = [
  ['data', (link) => [dataFrame(link, Buffer.from('x'), 0)], 'data before OpenConnectionResponse'],
  ['a close', (link) => [close(link)], 'message 0x32 before OpenConnectionResponse'],
  ['two answers', (link) => [accept(link), accept(link)], 'OpenConnectionResponse a second time'],
  [
    'an acknowledgement of what was not sent',
    (link) => [accept(link), ackFrame(link, 3)],
    'message 3 acknowledged, 0 sent',
  ],
  [
    'a wrong count',
    (link) => [
      accept(link),
      controlFrame({ type: MessageType.ConnectionReleased, link, attempt: 1, sent: 4 }),
    ],
    '4 messages sent, 0 received',
  ],
];

function accept(link: number): Buffer {
  return controlFrame({ type: MessageType.OpenConnectionResponse, link, accepted: true });
}

test.each(answers)(
  'a relay closes a service connection that answers a client with %s',
  async (_, frames, reason) => {
    // Known from then on, so that a client waits there and gets link 1 with the handshake.
    await endOf(site.servicePort, [hello, 'text']);
    const client = new WebSocket(`ws://127.0.0.1:${site.clientPort}/other`);
    client.on('error', () => {});
    await vi.waitFor(() => expect(site.relay.relay.core.stats().waiting).toBe(1));
    const ended = await endOf(site.servicePort, [hello, Buffer.concat(frames(1))]);
    client.terminate();
    expect(ended).toEqual({ code: 4403, reason: `link 1: ${reason}` });
  },
);

const shortLived = createTokenSigner(
  resolveOptions({ security: { ...security, tokenLifetimeSeconds: 5 } }).security,
)!;
const wrongSecret = createTokenSigner(
  resolveOptions({ security: { secrets: ['another-secret-another-secret-another'] } }).security,
)!;

/** The HTTP answer to a service connection with these headers. */
function refusalOf(authorization: string | undefined): Promise<{ status: number; body: string }> {
  const socket = new WebSocket(`ws://127.0.0.1:${site.servicePort}${SERVICE_PATH}`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  return new Promise((resolve, reject) => {
    socket.on('error', () => {});
    socket.on('open', () => reject(new Error('was let in')));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += String(chunk)));
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
  });
}

async function expiredToken(): Promise<string> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  try {
    return `Bearer ${await shortLived('hub')}`;
  } finally {
    vi.useRealTimers();
  }
}

const refusals: [name: string, header: () => Promise<string | undefined>, body: string][] = [
  ['no token', async () => undefined, 'a bearer token is required'],
  ['another scheme', async () => 'Basic aHViOmh1Yg==', 'a bearer token is required'],
  ['garbage for a token', async () => 'Bearer garbage', 'not a signed JWT'],
  [
    'a token of another secret',
    async () => `Bearer ${await wrongSecret('hub')}`,
    'the signature matches no configured key',
  ],
  ['an expired token', expiredToken, 'the token has expired, or a clock is wrong'],
];

test.each(refusals)('a relay answers 401 to %s', async (_, header, body) => {
  expect(await refusalOf(await header())).toEqual({ status: 401, body });
});

test('a relay closes a service connection without a handshake', async () => {
  const relay = await TestRelay.start({ security, relay: { handshakeTimeoutMs: 200 } });
  onTestFinished(() => relay.stop());
  const end = { code: 4408, reason: 'no handshake within the limit' };
  expect(await endOf(relay.port, [])).toEqual(end);
  expect(await endOf(relay.port, [rawFrame(0x7f, 0, 0, Buffer.from('unknown'))])).toEqual(end);
});
