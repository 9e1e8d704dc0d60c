import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientFrame } from '../../../test/support/client-frame.js';
import { until } from '../../../test/support/until.js';
import { FrameReader } from '../../transport/web-socket/frame-reader.js';
import { systemClock } from '../../transport/system-clock.js';
import type { Taker } from '../../protocol/server-stream.js';
import type { ClientWebSocketEvents } from './client-web-socket.js';
import { FramedSocket } from './framed-socket.js';
import { Outbox } from './outbox.js';

const MEBIBYTE = 1 << 20;

class Recorder implements ClientWebSocketEvents {
  readonly messages: string[] = [];
  closed: number | undefined;
  fault: number | undefined;
  onMessage(data: Buffer): void {
    this.messages.push(data.toString());
  }
  onPong(): void {}
  onFault(code: number): void {
    this.fault = code;
  }
  onClosed(code: number): void {
    this.closed = code;
  }
}

class Counter implements Taker {
  taken = 0;
  onTaken(count: number): void {
    this.taken += count;
  }
}

const text = (payload: string, opcode = 1) =>
  clientFrame({ opcode, final: true, payload: Buffer.from(payload) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

let server: Server;
let near: Socket;
let far: Socket;
let events: Recorder;
const received: Buffer[] = [];
const bytes = () => Buffer.concat(received);

/** @param prepare what happens to the server's socket first */
function frame(
  prepare: (socket: Socket) => void = () => {},
  head: Buffer = Buffer.alloc(0),
): FramedSocket {
  prepare(near);
  events = new Recorder();
  const framed = new FramedSocket(near, head, 1000, new Outbox(systemClock), events);
  framed.start();
  return framed;
}

beforeEach(async () => {
  received.length = 0;
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  far = connect((server.address() as { port: number }).port, '127.0.0.1');
  [near] = await accepted;
  near.on('error', () => {});
  far.on('error', () => {}).on('data', (chunk) => received.push(chunk));
});
afterEach(() => {
  far.destroy();
  near.destroy();
  server.close();
});

describe.each([
  ['the shared buffer', () => {}],
  ['data events, as with TLS', (socket: Socket) => void Object.assign(socket, { encrypted: true })],
])('a socket that is read by %s', (_, prepare) => {
  it('reports what came before, with and after the upgrade', async () => {
    far.write(text('early'));
    near.read(0);
    await until(() => expect(near.readableLength).toBeGreaterThan(0));
    frame(prepare, text('head'));
    far.write(text('late'));
    await until(() => expect(events.messages).toEqual(['head', 'early', 'late']));
    const shared = near.listenerCount('data') === 0;
    expect(shared).toBe(!('encrypted' in near));
  });

  it('reads nothing while it is paused', async () => {
    const framed = frame(prepare);
    framed.pause();
    far.write(text('one'));
    await new Promise((resolve) => far.write(text('two'), resolve));
    for (let i = 0; i < 20; i++) await turn();
    expect(events.messages).toEqual([]);
    framed.resume();
    await until(() => expect(events.messages).toEqual(['one', 'two']));
  });

  it('is over with 1006 when the client hangs up', async () => {
    frame(prepare);
    far.end(text('last'));
    await until(() => expect(events.closed).toBe(1006));
    expect(events.messages).toEqual(['last']);
  });
});

describe('what a gateway sends', () => {
  it('leaves in one write a turn, each message whole', async () => {
    const framed = frame();
    const counter = new Counter();
    framed.send('a', false, counter);
    framed.send(Buffer.from('b'), true, counter);
    framed.ping(Buffer.from('p'));
    expect(near.bytesWritten).toBe(0);
    expect(counter.taken).toBe(0);
    await turn();
    expect(counter.taken).toBe(2);
    await until(() => expect(bytes().toString('hex')).toBe('810161820162890170'));
  });

  it.each([125, 126, 20_000, 65_535, 65_536])('may have %d bytes', async (length) => {
    const framed = frame();
    framed.send('ä'.repeat(length / 2), false, new Counter());
    framed.send(Buffer.alloc(length, 'x'), true, new Counter());
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const even = 2 * Math.floor(length / 2);
    await until(() => expect(bytes()).toHaveLength(2 * header + length + even));
    expect(bytes().toString('utf8', header, header + even)).toBe('ä'.repeat(length / 2));
    expect(bytes().toString('utf8', 2 * header + even)).toBe('x'.repeat(length));
  });

  it('counts as taken only when the operating system has taken it', async () => {
    far.pause();
    const framed = frame();
    const counter = new Counter();
    let sent = 0;
    while (near.writableLength === 0) {
      framed.send(Buffer.alloc(MEBIBYTE), true, counter);
      sent++;
      await turn();
    }
    framed.send('last', false, counter);
    await turn();
    expect(counter.taken).toBeLessThan(sent);
    far.resume();
    await until(() => expect(counter.taken).toBe(sent + 1));
  });

  it('comes once each and whole, wherever the operating system has had no more room', async () => {
    far.pause();
    const framed = frame();
    const taker = new Counter();
    const sent: string[] = [];
    const send = async (index: number) => {
      sent.push(`${index}:${'x'.repeat(index % 9000)}`);
      framed.send(sent.at(-1)!, false, taker);
      await turn();
    };
    let index = 0;
    for (; near.writableLength === 0 && index < 50_000; index++) await send(index);
    expect(near.writableLength).toBeGreaterThan(0);
    for (const more = index + 20; index < more; index++) await send(index);
    const came: string[] = [];
    const fail = (...fault: unknown[]) => expect.unreachable(fault.join());
    const reader = new FrameReader(
      10_000,
      {
        onMessage: (data) => came.push(data.toString()),
        onPing: fail,
        onPong: fail,
        onClose: fail,
      },
      'server',
    );
    far.on('data', (chunk: Buffer) => reader.read(chunk, chunk.length)).resume();
    await until(() => expect(came).toHaveLength(sent.length));
    expect(came).toEqual(sent);
    await until(() => expect(taker.taken).toBe(sent.length));
  });

  it('is not taken by a client that is gone', async () => {
    far.pause();
    const framed = frame();
    const counter = new Counter();
    while (near.writableLength === 0) {
      framed.send(Buffer.alloc(MEBIBYTE), true, counter);
      await turn();
    }
    const { taken } = counter;
    framed.terminate();
    await until(() => expect(events.closed).toBe(1006));
    framed.send('late', false, counter);
    await turn();
    expect(counter.taken).toBe(taken);
  });
});

describe('pongs', () => {
  it('are left out while the client takes nothing', async () => {
    far.pause();
    const framed = frame();
    while (near.writableLength === 0) {
      framed.send(Buffer.alloc(MEBIBYTE), true, new Counter());
      await turn();
    }
    const { writableLength } = near;
    far.write(Buffer.concat([...Array.from({ length: 5000 }, () => text('x', 9)), text('end')]));
    await until(() => expect(events.messages).toEqual(['end']));
    await turn();
    expect(near.writableLength).toBe(writableLength);
  });
});

describe('the end', () => {
  it('is agreed on, whoever begins', async () => {
    const framed = frame();
    framed.close(4000, 'bye');
    framed.close(4001, 'again');
    framed.send('too late', false, new Counter());
    await until(() => expect(bytes().toString('hex')).toBe('88050fa0627965'));
    far.write(text('\x0f\xa0', 8));
    far.end();
    await until(() => expect(events.closed).toBeDefined());
  });

  it('follows a fault of the client, and nothing is read any more', async () => {
    frame();
    far.write(Buffer.concat([text('good'), Buffer.from([0x83, 0x80, 0, 0, 0, 0]), text('bad')]));
    await until(() => expect(events.fault).toBe(1002));
    await until(() => expect(bytes().toString('hex')).toBe('880203ea'));
    far.write(text('more'));
    far.end();
    await until(() => expect(events.closed).toBe(1006));
    expect(events.messages).toEqual(['good']);
  });
});
