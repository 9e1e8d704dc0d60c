import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../test/support/until.js';
import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { MessageType } from '../protocol/messages.js';
import type { TransportReceiver } from '../protocol/transport.js';
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

let server: WebSocketServer;
let accepted: WebSocket;
let dialled: WebSocket;
let near: WebSocketTransport;
let far: WebSocketTransport;
let atNear: Recorder;
let atFar: Recorder;
let batches: number[];

beforeEach(async () => {
  server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: MAX_SERVICE_PAYLOAD_BYTES,
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = new Promise<WebSocket>((resolve) => void server.once('connection', resolve));
  dialled = new WebSocket(`ws://127.0.0.1:${port}`);
  accepted = await connection;
  if (dialled.readyState !== dialled.OPEN) {
    await once(dialled, 'open');
  }
  batches = [];
  dialled.on('message', (data: Buffer) => batches.push(data.length));
  near = new WebSocketTransport(accepted);
  far = new WebSocketTransport(dialled);
  near.receiver = atNear = new Recorder();
  far.receiver = atFar = new Recorder();
});

afterEach(() => {
  accepted.terminate();
  dialled.terminate();
  server.close();
});

const seen = (recorder: Recorder, ...events: unknown[][]) =>
  until(() => expect(recorder.events).toEqual(events));

describe('WebSocketTransport', () => {
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
    for (let i = 1; i <= 9; i++) near.data(i, part, false);
    near.flush();
    await until(() => expect(atFar.events).toHaveLength(9));
    expect(atFar.events.map(([, link]) => link)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches).toHaveLength(3);
  });

  it('reports a text message as a fault', async () => {
    dialled.send('text');
    await seen(atNear, ['fault', ServiceCloseCode.BadFrame]);
  });

  it.each([
    ['a truncated header', Buffer.from([1, 0, 0])],
    ['a truncated body', Buffer.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1])],
    ['unknown flags', Buffer.from([1, 0xf0, 0, 0, 0, 1, 0, 0, 0, 0])],
  ])('reports %s as a fault', async (_, bytes) => {
    dialled.send(bytes);
    await seen(atNear, ['fault', ServiceCloseCode.BadFrame]);
  });

  it('reports a frame over the limit as a fault', async () => {
    const strict = new WebSocketTransport(accepted, false, 10);
    const recorder = (strict.receiver = new Recorder());
    far.data(1, '12345678901', false);
    far.flush();
    await seen(recorder, ['fault', ServiceCloseCode.TooLarge]);
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
    await until(() => expect(accepted.readyState).toBe(accepted.CLOSED));
    expect(atNear.events).toHaveLength(1);
  });

  it('cuts a peer that does not answer the close frame', async () => {
    dialled.pause();
    near.close(ServiceCloseCode.Silent, 'dead');
    await until(() => expect(accepted.readyState).toBe(accepted.CLOSED));
  });

  it('reports a cut connection', async () => {
    dialled.terminate();
    await seen(atNear, ['closed', 1006, '']);
  });

  it('reports a malformed WebSocket frame with the code the peer is closed with', async () => {
    const { _socket: socket } = dialled as unknown as { _socket: NodeJS.WritableStream };
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await until(() => expect(atNear.events).toHaveLength(1));
    expect(atNear.events[0]!.slice(0, 2)).toEqual(['closed', 1002]);
    await until(() => expect(atFar.events[0]?.slice(0, 2)).toEqual(['closed', 1002]));
  });
});
