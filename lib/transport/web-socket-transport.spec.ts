import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { clientFrame } from '../../test/support/client-frame.js';
import { until } from '../../test/support/until.js';
import { WsBatchSocket } from '../../test/support/ws-batch-socket.js';
import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { MessageType } from '../protocol/messages.js';
import type { TransportReceiver } from '../protocol/transport.js';
import { FramedBatchSocket } from './web-socket/batch-socket.js';
import type { BatchSocket } from './web-socket/batch-socket.js';
import { dialWebSocket } from './web-socket/dial.js';
import { grantUpgrade } from './web-socket/handshake.js';
import {
  MAX_BATCH_BYTES,
  MAX_SERVICE_PAYLOAD_BYTES,
  WebSocketTransport,
} from './web-socket-transport.js';

class Recorder implements TransportReceiver {
  readonly events: unknown[][] = [];
  onFirst: (() => void) | undefined;

  onBatch(): void {}
  onData(link: number, data: string | Buffer, binary: boolean): void {
    this.record('data', link, data.toString(), binary);
  }
  onAck(link: number, count: number, ranges: readonly number[]): void {
    this.record('ack', link, count, [...ranges]);
  }
  onControl(message: { type: number }): void {
    this.record('control', message.type);
  }
  onFault(error: unknown): void {
    this.record('fault', error instanceof ProtocolError ? error.code : error);
  }
  onClosed(code: number, reason: string): void {
    this.record('closed', code, reason);
  }
  private record(...event: unknown[]) {
    this.events.push(event);
    const { onFirst } = this;
    this.onFirst = undefined;
    onFirst?.();
  }
}

type Frames = 'own' | 'ws';

const MOST_DATA = MAX_BATCH_BYTES / 2;

let server: Server;
let accepted: Socket;
let dialled: Socket;
let near: WebSocketTransport;
let far: WebSocketTransport;
let atNear: Recorder;
let atFar: Recorder;
/** The messages that reach the far end. */
let batches: number[];

const upgrades = new WebSocketServer({ noServer: true });

async function dial(frames: Frames): Promise<BatchSocket> {
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (frames === 'own') {
    const { signal } = new AbortController();
    const { socket, head } = await dialWebSocket(url, { timeoutMs: 5000, headers: {}, signal });
    dialled = socket;
    return new FramedBatchSocket(socket, head, 'server', MAX_SERVICE_PAYLOAD_BYTES);
  }
  const ws = new WebSocket(url);
  await once(ws, 'open');
  dialled = (ws as unknown as { _socket: Socket })._socket;
  return new WsBatchSocket(ws);
}

async function connect(nearFrames: Frames, farFrames: Frames) {
  let nearEnd: BatchSocket | undefined;
  server = createServer().listen(0, '127.0.0.1');
  server.on('upgrade', (request, socket: Socket, head) => {
    accepted = socket;
    if (nearFrames === 'own') {
      grantUpgrade(request, socket);
      nearEnd = new FramedBatchSocket(socket, head, 'client', MAX_SERVICE_PAYLOAD_BYTES);
    } else {
      upgrades.handleUpgrade(request, socket, head, (ws) => (nearEnd = new WsBatchSocket(ws)));
    }
  });
  await once(server, 'listening');
  const end = await dial(farFrames);
  batches = [];
  near = new WebSocketTransport(nearEnd!, false, MOST_DATA);
  far = new WebSocketTransport({
    get isOpen() {
      return end.isOpen;
    },
    start: (events) =>
      end.start({
        onMessage: (data, binary) => {
          batches.push(data.length);
          events.onMessage(data, binary);
        },
        onFault: (code, reason) => events.onFault(code, reason),
        onClosed: (code, reason) => events.onClosed(code, reason),
      }),
    send: (batch, to) => end.send(batch, to),
    close: (code, reason) => end.close(code, reason),
    terminate: () => end.terminate(),
  });
  near.receiver = atNear = new Recorder();
  far.receiver = atFar = new Recorder();
}

afterEach(() => {
  accepted.destroy();
  dialled.destroy();
  server.close();
});

/** What is sent as the far end would. */
const sendAsClient = (opcode: number, payload: Buffer) =>
  dialled.write(clientFrame({ opcode, final: true, payload }));

const seen = (recorder: Recorder, ...events: unknown[][]) =>
  until(() => expect(recorder.events).toEqual(events));

describe.each([
  ['own', 'own'],
  ['own', 'ws'],
  ['ws', 'own'],
] as const)(
  'WebSocketTransport with the frames of %s to one with those of %s',
  (nearFrames, farFrames) => {
    beforeEach(() => connect(nearFrames, farFrames));

    it('carries the frames of a turn as one message', async () => {
      near.data(1, 'hëllo', false);
      near.data(2, Buffer.from('bytes'), true);
      near.ack(3, 7, [9, 11]);
      near.control({ type: MessageType.Ping });
      near.flush();
      near.flush();
      await seen(
        atFar,
        ['data', 1, 'hëllo', false],
        ['data', 2, 'bytes', true],
        ['ack', 3, 7, [9, 11]],
        ['control', MessageType.Ping],
      );
      expect(batches).toHaveLength(1);
    });

    it('sends a batch that has grown large at once, in order', async () => {
      const part = 'x'.repeat(MAX_BATCH_BYTES / 4);
      for (let i = 1; i <= 9; i++) near.data(i, part + i, false);
      near.flush();
      await until(() => expect(atFar.events).toHaveLength(9));
      expect(atFar.events.map(([, link]) => link)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(batches).toHaveLength(3);
    });

    it('reports a text message as a fault', async () => {
      sendAsClient(1, Buffer.from('text'));
      await seen(atNear, ['fault', ServiceCloseCode.BadFrame]);
    });

    it.each([
      ['a truncated header', Buffer.from([1, 0, 0])],
      ['a truncated body', Buffer.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1])],
      ['unknown flags', Buffer.from([1, 0xf0, 0, 0, 0, 1, 0, 0, 0, 0])],
    ])('reports %s as a fault', async (_, bytes) => {
      sendAsClient(2, bytes);
      await seen(atNear, ['fault', ServiceCloseCode.BadFrame]);
    });

    it('reports a frame over the limit as a fault', async () => {
      far.data(1, 'x'.repeat(MOST_DATA + 1), false);
      far.flush();
      await seen(atNear, ['fault', ServiceCloseCode.TooLarge]);
    });

    it('hands faults of its receiver to its receiver', async () => {
      const fault = new Error('handler');
      atNear.onFirst = () => {
        throw fault;
      };
      far.data(1, 'x', false);
      far.flush();
      await seen(atNear, ['data', 1, 'x', false], ['fault', fault]);
    });

    it('delivers nothing after it was closed, also not the rest of a batch', async () => {
      atNear.onFirst = () => near.close(ServiceCloseCode.Conflict, 'enough');
      far.data(1, 'first', false);
      far.data(1, 'second', false);
      far.flush();
      far.data(1, 'third', false);
      far.flush();
      await seen(atFar, ['closed', ServiceCloseCode.Conflict, 'enough']);
      expect(atNear.events).toEqual([
        ['data', 1, 'first', false],
        ['closed', ServiceCloseCode.Conflict, 'enough'],
      ]);
    });

    it('flushes before it closes, and tells both ends once', async () => {
      near.data(1, 'last', false);
      near.close(ServiceCloseCode.GoingAway, 'é'.repeat(200));
      near.close(ServiceCloseCode.Internal, 'again');
      near.data(1, 'too late', false);
      near.flush();
      expect(atNear.events).toEqual([['closed', ServiceCloseCode.GoingAway, 'é'.repeat(200)]]);
      await seen(atFar, ['data', 1, 'last', false], ['closed', 1001, 'é'.repeat(61)]);
      await until(() => expect(accepted.destroyed).toBe(true));
      expect(atNear.events).toHaveLength(1);
    });

    it('cuts a peer that does not answer the close frame', async () => {
      dialled.pause();
      near.close(ServiceCloseCode.Silent, 'dead');
      await until(() => expect(accepted.destroyed).toBe(true));
    });

    it('ends the connection at once when a malformed frame comes behind what it closed it for', async () => {
      const text = clientFrame({ opcode: 1, final: true, payload: Buffer.from('text') });
      atNear.onFirst = () => near.close(ServiceCloseCode.BadFrame, 'text');
      dialled.write(Buffer.concat([text, Buffer.from([0xff, 0xff, 0xff, 0xff])]));
      const started = performance.now();
      await until(() => expect(accepted.destroyed).toBe(true));
      expect(performance.now() - started).toBeLessThan(900);
    });

    it('reports a cut connection', async () => {
      dialled.destroy();
      await seen(atNear, ['closed', 1006, '']);
    });

    it('reports a malformed WebSocket frame with the code the peer is closed with', async () => {
      dialled.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
      await until(() => expect(atNear.events).toHaveLength(1));
      expect(atNear.events[0]!.slice(0, 2)).toEqual(['closed', 1002]);
      await until(() => expect(atFar.events[0]?.slice(0, 2)).toEqual(['closed', 1002]));
    });
  },
);
