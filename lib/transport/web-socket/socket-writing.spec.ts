import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/support/until.js';
import { writeNow } from './socket-writing.js';

let server: Server;
let near: Socket;
let far: Socket;
let came: Buffer[];

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  near.on('error', () => {});
  [far] = await accepted;
  came = [];
});

afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

const listen = () => far.on('data', (bytes) => came.push(bytes));
const now = (bytes: Buffer, from = 0, to = bytes.length) => writeNow(near, bytes, from, to);

describe('writeNow', () => {
  it('writes a part of the bytes, which may be used again', async () => {
    const bytes = Buffer.from('-abc-');
    expect(now(bytes, 1, 4)).toBe(3);
    bytes.fill('x');
    expect(near.writableLength).toBe(0);
    listen();
    await until(() => expect(Buffer.concat(came).toString()).toBe('abc'));
  });

  it('writes what the operating system takes, and nothing while something waits', async () => {
    const large = Buffer.alloc(64 << 20, 1);
    const taken = now(large);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(large.length);
    // Nothing waits in the stream yet, but there is no room.
    while (now(large) > 0);
    near.write('behind');
    expect(near.writableLength).toBe(6);
    listen();
    expect(now(large)).toBe(0);
    await until(() => expect(near.writableLength).toBe(0));
    expect(now(Buffer.from('!'))).toBe(1);
    await until(() => expect(came.at(-1)?.toString().at(-1)).toBe('!'));
    const all = Buffer.concat(came);
    expect(all.subarray(-7).toString()).toBe('behind!');
    expect(all.subarray(0, -7).every((byte) => byte === 1)).toBe(true);
  });

  it('leaves it to the stream to say that the peer is gone', async () => {
    far.resetAndDestroy();
    await until(() => expect(now(Buffer.from('a'))).toBe(0));
    near.write('a');
    await until(() => expect(near.destroyed).toBe(true));
  });

  it('writes nothing with TLS, nor when the socket is closed', async () => {
    const bytes = Buffer.from('a');
    const encrypted = Object.assign(Object.create(near) as Socket, { encrypted: true });
    expect(writeNow(encrypted, bytes, 0, 1)).toBe(0);
    near.destroy();
    expect(now(bytes)).toBe(0);
    await once(far.resume(), 'close');
    expect(far.bytesRead).toBe(0);
  });
});
