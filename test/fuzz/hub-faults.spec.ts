import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage } from '../../lib/protocol/messages.js';
import { startEchoHub } from './support/echo-hub.js';
import {
  ackFrame,
  controlFrame,
  dataFrame,
  looseFrame,
  rawFrame,
} from './support/session-strings.js';
import { SERVICE_PATH } from './support/site.js';

const WELCOME: ControlMessage = { type: MessageType.HandshakeResponse, version: 1, relayId: 'r' };
const welcome = controlFrame(WELCOME);
const open = (link: number) =>
  controlFrame({
    type: MessageType.OpenConnection,
    link,
    connectionId: `c${link}`,
    epoch: 1,
    port: 0,
    path: '/chat',
    request: {
      method: 'GET',
      url: '/chat',
      httpVersion: '1.1',
      rawHeaders: [],
      remoteAddress: '::1',
      remotePort: 1,
      encrypted: false,
    },
    inbound: 0,
  });

const faults: [name: string, messages: (Buffer | string)[], code: number, reason: string][] = [
  [
    'garbage',
    [Buffer.from('garbage, garbage')],
    4413,
    'frame 0x67 of 1697390695 bytes, limit 1048576',
  ],
  ['a truncated body', [welcome.subarray(0, 12)], 4400, 'truncated frame body'],
  ['a text message', ['text'], 4400, 'text message on a service connection'],
  [
    'a missing field',
    [looseFrame(0x21, 0, { version: 1 })],
    4402,
    'message 0x21: field "relayId" must be a string of at most 128 characters',
  ],
  [
    'another version',
    [controlFrame({ ...WELCOME, version: 3 })],
    4426,
    'protocol version 3 is not supported, this hub server speaks 1',
  ],
  [
    'a message before the handshake',
    [open(1)],
    4403,
    'the first message must be HandshakeResponse',
  ],
  ['a second handshake', [welcome, welcome], 4403, 'message 0x21 is not for a hub server'],
  [
    'a message in the wrong direction',
    [welcome, controlFrame({ type: MessageType.Fin })],
    4403,
    'message 0x23 is not for a hub server',
  ],
  ['a link number twice', [welcome, open(1), open(1)], 4403, 'link 1 was given out before'],
  [
    'an unknown link',
    [welcome, open(1), dataFrame(2, Buffer.from('x'), 0)],
    4404,
    'unknown link 2',
  ],
  [
    'oversized data',
    [welcome, open(1), rawFrame(0x01, 0, 1, Buffer.alloc(0), 67_108_865)],
    4413,
    'frame 0x1 of 67108865 bytes, limit 67108864',
  ],
  [
    'an acknowledgement of what was not sent',
    [welcome, open(1), ackFrame(1, 7)],
    4402,
    'link 1: message 7 acknowledged, 0 sent',
  ],
];

test.each(faults)(
  'a hub server closes a service connection after %s, and comes again',
  async (_, messages, code, reason) => {
    const http = createServer();
    const server = new WebSocketServer({ server: http });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const again = new Promise<WebSocket>((resolve) => {
      server.once('connection', () => server.once('connection', resolve));
    });
    const end = new Promise<{ code: number; reason: string }>((resolve) => {
      server.once('connection', (socket) => {
        socket.once('message', () => messages.forEach((message) => socket.send(message)));
        socket.once('close', (given, text) => resolve({ code: given, reason: text.toString() }));
      });
    });
    const { port } = http.address() as AddressInfo;
    const relays = [`ws://127.0.0.1:${port}${SERVICE_PATH}`];
    const hub = await startEchoHub({
      hub: { relays, connectionsPerRelay: 1 },
      shutdown: { timeoutMs: 100 },
    });
    onTestFinished(async () => {
      server.clients.forEach((socket) => socket.terminate());
      http.close();
      await hub.app.close();
    });

    expect(await end).toEqual({
      code,
      reason,
    });
    expect(hub.log.lines.filter((line) => line.includes(`ended: ${code}`))).toHaveLength(1);
    await again;
  },
);
