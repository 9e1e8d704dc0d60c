import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError, ServiceCloseCode } from './errors.js';
import { FrameWriter, HEADER_BYTES, MAX_CONTROL_BYTES, readFrames } from './frames.js';
import type { FrameReceiver } from './frames.js';
import { MessageType } from './messages.js';
import type { ControlMessage } from './messages.js';
import { takeBatch } from '../../test/support/take-batch.js';

const LIMIT = 1000;

type Seen =
  | { kind: 'data'; link: number; data: string; binary: boolean }
  | { kind: 'ack'; link: number; numbers: number[] }
  | { kind: 'control'; message: ControlMessage };

function collect(): { seen: Seen[]; receiver: FrameReceiver } {
  const seen: Seen[] = [];
  return {
    seen,
    receiver: {
      onData: (link, data, binary) =>
        seen.push({ kind: 'data', link, data: Buffer.from(data).toString('hex'), binary }),
      onAck: (link, count, ranges) => seen.push({ kind: 'ack', link, numbers: [count, ...ranges] }),
      onControl: (message) => seen.push({ kind: 'control', message }),
    },
  };
}

function read(batch: Buffer): Seen[] {
  const { seen, receiver } = collect();
  readFrames(batch, receiver, LIMIT);
  return seen;
}

/** What reading throws; anything but a ProtocolError is thrown on. */
function faultOf(batch: Buffer): ProtocolError | undefined {
  try {
    read(batch);
    return undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

const link = fc.integer({ min: 0, max: 0xffffffff });
const number = fc.maxSafeNat();
const text = fc.string({ maxLength: 40 });
const frame = fc.oneof(
  fc.record({
    kind: fc.constant('data' as const),
    link,
    data: fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((it) => Buffer.from(it)),
      fc.constantFrom('', 'ä', 'to many'),
    ),
    binary: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('ack' as const),
    link,
    numbers: fc
      .array(fc.tuple(number, number), { maxLength: 10 })
      .chain((pairs) => number.map((first) => [first, ...pairs.flat()].sort((a, b) => a - b))),
  }),
  fc.record({
    kind: fc.constant('control' as const),
    message: fc.oneof(
      fc.record({
        type: fc.constant(MessageType.CloseConnection),
        link,
        code: fc.integer({ min: 1000, max: 4999 }),
        reason: text,
      }),
      fc.record({
        type: fc.constant(MessageType.MigrateConnectionResponse),
        link,
        attempt: fc.nat(),
        ready: fc.boolean(),
        reason: text,
        handled: number,
        received: number,
        sent: number,
      }),
      fc.record({
        type: fc.constant(MessageType.Drain),
        link: fc.constant(0),
        deadlineMs: fc.integer({ min: 0, max: 86_400_000 }),
        endpoints: fc.array(fc.record({ port: fc.integer({ min: 0, max: 65_535 }), path: text }), {
          maxLength: 5,
        }),
      }),
    ),
  }),
);
const frames = fc.array(frame, { maxLength: 12 });
type Frame = typeof frame extends fc.Arbitrary<infer T> ? T : never;

function write(all: Frame[]): Buffer {
  const writer = new FrameWriter(16);
  for (const it of all) {
    if (it.kind === 'data') writer.data(it.link, it.data, it.binary);
    else if (it.kind === 'ack') writer.ack(it.link, it.numbers[0]!, it.numbers.slice(1));
    else writer.control(it.message as ControlMessage);
  }
  return takeBatch(writer);
}

const TEXT = [MessageType.Data, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x61];
const BINARY = [MessageType.Data, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x61];
/** But for its last byte. */
const SAME = [MessageType.Data, 4, 0, 0, 0, 1, 0, 0, 0];

describe('frames', () => {
  it('arrive as they were sent, in order', () => {
    fc.assert(
      fc.property(frames, (all) => {
        const expected = all.map((it) =>
          it.kind === 'data' ? { ...it, data: Buffer.from(it.data).toString('hex') } : it,
        );
        expect(read(write(all))).toEqual(expected);
      }),
    );
  });

  it('carry text in UTF-8, also broken surrogates', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (data) => {
        const writer = new FrameWriter(16);
        writer.data(7, data, false);
        expect(writer.length).toBe(HEADER_BYTES + Buffer.byteLength(data));
        const hex = Buffer.from(data).toString('hex');
        expect(read(takeBatch(writer))).toEqual([
          { kind: 'data', link: 7, data: hex, binary: false },
        ]);
      }),
    );
  });

  it('carry a text that goes to many once in a batch, whatever is between', () => {
    const writer = new FrameWriter();
    const toMany = () => {
      writer.data(1, 'to many', false);
      writer.ack(2, 7, []);
      writer.data(3, 'to many', false, true);
      writer.data(4, ['to', 'many'].join(' '), false);
      return takeBatch(writer);
    };
    const batch = toMany();
    expect(batch).toHaveLength(4 * HEADER_BYTES + 8 + 7);
    expect(toMany()).toEqual(batch);
    const given: unknown[] = [];
    const onData = (...args: unknown[]) => void given.push(args);
    readFrames(batch, { ...collect().receiver, onData }, LIMIT);
    const payload = (given[0] as [number, Buffer])[1];
    expect(given).toEqual([
      [1, Buffer.from('to many'), false, false],
      [3, payload, false, true],
      [4, payload, false, false],
    ]);
    expect((given[1] as unknown[])[1]).toBe(payload);
  });

  it('carry bytes that go to many once in a batch, but not those that have changed', () => {
    const writer = new FrameWriter(16);
    const bytes = Buffer.from('a'.repeat(30));
    writer.data(1, bytes, true);
    writer.data(2, bytes, true);
    expect(writer.length).toBe(2 * HEADER_BYTES + 30);
    bytes.write('b', 29);
    writer.data(3, bytes, true);
    writer.data(4, bytes, true);
    expect(writer.length).toBe(4 * HEADER_BYTES + 60);
    const first = { kind: 'data', data: '61'.repeat(30), binary: true };
    const second = { ...first, data: `${'61'.repeat(29)}62` };
    expect(read(takeBatch(writer))).toEqual([
      { ...first, link: 1 },
      { ...first, link: 2 },
      { ...second, link: 3 },
      { ...second, link: 4 },
    ]);
  });

  it('do not take text for binary, nor one of another batch for the same', () => {
    const writer = new FrameWriter();
    writer.data(1, 'a', false);
    writer.data(1, 'a', true);
    expect(writer.length).toBe(2 * HEADER_BYTES + 2);
    takeBatch(writer);
    writer.data(1, 'a', true);
    expect(writer.length).toBe(HEADER_BYTES + 1);
  });

  it('are not touched by the writer any more when it may not use the bytes again', () => {
    const writer = new FrameWriter(64);
    writer.data(1, 'first', false);
    const batch = writer.bytes.subarray(0, writer.end);
    const copy = Buffer.from(batch);
    writer.clear(false);
    writer.data(2, 'second', false);
    expect([writer.length, batch]).toEqual([HEADER_BYTES + 6, copy]);
  });

  it('take no new bytes where they may be used again, unless a batch was large', () => {
    const writer = new FrameWriter(64, 16);
    const { bytes } = writer;
    writer.data(1, 'first', false);
    writer.clear(true);
    expect([writer.bytes === bytes, writer.length, writer.end]).toEqual([true, 0, 16]);
    writer.data(1, 'l'.repeat(1000), false);
    writer.clear(true);
    expect(writer.bytes).toHaveLength(64);
  });

  it('that are random bytes are read or are a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        faultOf(Buffer.from(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('with a random type and a random body are read or are a ProtocolError', () => {
    const types = fc.constantFrom(...Object.values(MessageType));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 100 }), (type, body) => {
        const batch = Buffer.alloc(HEADER_BYTES + body.length);
        batch[0] = type;
        batch.writeUInt32BE(body.length, 6);
        batch.set(body, HEADER_BYTES);
        faultOf(batch);
      }),
      { numRuns: 3000 },
    );
  });

  it('that are cut off are a fault, wherever the cut is', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.nat(), (all, at) => {
        const batch = write(all);
        const cut = batch.subarray(0, at % batch.length);
        const boundary = all.some((_, i) => write(all.slice(0, i)).length === cut.length);
        const fault = faultOf(cut);
        expect(fault?.code).toBe(boundary ? undefined : ServiceCloseCode.BadFrame);
      }),
    );
  });

  it('with flipped bits are read or are a ProtocolError', () => {
    const flips = fc.array(fc.nat(), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(frames, flips, (all, bits) => {
        const batch = write(all);
        if (batch.length === 0) return;
        for (const bit of bits) {
          const at = (bit >> 3) % batch.length;
          batch[at] = batch[at]! ^ (1 << (bit & 7));
        }
        faultOf(batch);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['unknown data flags', [MessageType.Data, 8, 0, 0, 0, 1, 0, 0, 0, 0], 'BadFrame'],
    ['the payload of none before it', [...SAME, 0], 'BadFrame'],
    ['the payload of another and one of its own', [...TEXT, ...SAME, 1, 0x61], 'BadFrame'],
    ['the payload of one of another kind', [...BINARY, ...SAME, 0], 'BadFrame'],
    ['data over the limit', [MessageType.Data, 0, 0, 0, 0, 1, 0, 0, 0x10, 0], 'TooLarge'],
    ['a control message over the limit', [0x30, 0, 0, 0, 0, 1, 0, 0x20, 0, 0], 'TooLarge'],
    ['an empty acknowledgement', [MessageType.Ack, 0, 0, 0, 0, 1, 0, 0, 0, 0], 'BadFrame'],
    ['a control message without a body', [MessageType.Ping, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'BadFrame'],
    ['a body that is no map', [MessageType.Ping, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xc3], 'BadField'],
    ['bytes after the map', [MessageType.Ping, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x80, 0], 'BadFrame'],
  ] as const)('with %s are a fault', (_, bytes, code) => {
    expect(faultOf(Buffer.from(bytes))?.code).toBe(ServiceCloseCode[code]);
  });

  it('acknowledge in ascending order only, within safe integers', () => {
    const bad = (...numbers: bigint[]) => {
      const batch = Buffer.alloc(HEADER_BYTES + 8 * numbers.length);
      batch[0] = MessageType.Ack;
      batch.writeUInt32BE(8 * numbers.length, 6);
      for (const [i, it] of numbers.entries()) batch.writeBigUInt64BE(it, HEADER_BYTES + 8 * i);
      return faultOf(batch)?.code;
    };
    expect(bad(5n, 7n, 9n)).toBeUndefined();
    expect(bad(5n, 4n, 9n)).toBe(ServiceCloseCode.BadFrame);
    expect(bad(5n, 9n, 7n)).toBe(ServiceCloseCode.BadFrame);
    expect(bad(5n, 9n)).toBe(ServiceCloseCode.BadFrame);
    expect(bad(1n << 60n)).toBe(ServiceCloseCode.BadFrame);
    expect(bad(...Array.from({ length: 131 }, (__, i) => BigInt(i)))).toBe(
      ServiceCloseCode.TooLarge,
    );
  });

  it('of an unknown type are skipped', () => {
    const unknown = Buffer.from([0x7f, 0xff, 0, 0, 0, 9, 0, 0, 0, 2, 0xc1, 0xc1]);
    const writer = new FrameWriter();
    writer.data(3, 'after', false);
    expect(read(Buffer.concat([unknown, takeBatch(writer)]))).toHaveLength(1);
  });

  it('before a fault have been given to the receiver', () => {
    const writer = new FrameWriter();
    writer.data(3, 'before', false);
    const { seen, receiver } = collect();
    const batch = Buffer.concat([takeBatch(writer), Buffer.from([1])]);
    expect(() => readFrames(batch, receiver, LIMIT)).toThrow('truncated frame header');
    expect(seen).toHaveLength(1);
  });

  it('that claim more items than they have bytes cost no memory', () => {
    const body = Buffer.alloc(MAX_CONTROL_BYTES);
    for (let i = 0; i + 2 < body.length; i += 3) body.writeUIntBE(0xdcffff, i, 3);
    const head = Buffer.alloc(HEADER_BYTES);
    head[0] = MessageType.Ping;
    head.writeUInt32BE(body.length, 6);
    const before = process.memoryUsage().rss;
    expect(faultOf(Buffer.concat([head, body]))?.code).toBe(ServiceCloseCode.BadFrame);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
