import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it } from 'vitest';
import { until } from '../../../test/support/until.js';
import { BATCH_ROOM_BYTES, FramedBatchSocket } from './batch-socket.js';

const BUFFER_BYTES = 16_384;

it.each([
  ['small', () => 100],
  ['large', () => 16_000],
  ['mixed', (index: number) => (index % 2 === 0 ? 100 : 16_000)],
])('says of %s batches whether their bytes may be used again', async (_, sizeOf) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = await accepted;
  const [writer, reader] = [
    new FramedBatchSocket(near, Buffer.alloc(0), 'server', BUFFER_BYTES),
    new FramedBatchSocket(far, Buffer.alloc(0), 'client', BUFFER_BYTES),
  ];
  writer.start({ onMessage: () => {}, onFault: () => {}, onClosed: () => {} });
  let [bytes, taken] = [Buffer.alloc(BUFFER_BYTES), 0];
  const send = (index: number) => {
    const end = BATCH_ROOM_BYTES + sizeOf(index);
    bytes.fill(index % 250, BATCH_ROOM_BYTES, end);
    const reusable = writer.send(bytes, end);
    if (near.writableLength === 0) taken++;
    if (reusable) bytes.fill(255);
    else bytes = Buffer.alloc(BUFFER_BYTES);
  };
  let count = 0;
  while (near.writableLength === 0 && count < 500_000) send(count++);
  expect(near.writableLength).toBeGreaterThan(0);
  for (const more = count + 20; count < more;) send(count++);
  expect(taken).toBeGreaterThan(0);

  const came: number[] = [];
  reader.start({
    onMessage: (data) => {
      const index = came.length;
      came.push(data.every((byte) => byte === index % 250) ? data.length : -1);
    },
    onFault: (...fault) => expect.unreachable(fault.join()),
    onClosed: () => {},
  });
  await until(() => expect(came).toHaveLength(count));
  expect(came).toEqual(Array.from({ length: count }, (_, index) => sizeOf(index)));
  near.destroy();
  far.destroy();
  server.close();
});
