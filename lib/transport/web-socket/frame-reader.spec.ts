import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { clientFrame, serverFrame } from '../../../test/support/client-frame.js';
import { codeOfError } from '../close-codes.js';
import { FrameError, FrameReader } from './frame-reader.js';
import type { FrameEvents } from './frame-reader.js';

const MAX_PAYLOAD = 1000;

/** Exported by `ws`, but not by its types. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

type Peer = 'client' | 'server';
type Event = [string, ...unknown[]];

class Recorder implements FrameEvents {
  readonly events: Event[] = [];
  onMessage(data: Buffer, binary: boolean): void {
    this.events.push(['message', data.toString('hex'), binary]);
  }
  onPing(data: Buffer): void {
    this.events.push(['ping', data.toString('hex')]);
  }
  onPong(data: Buffer): void {
    this.events.push(['pong', data.toString('hex')]);
  }
  onClose(code: number, reason: string): void {
    this.events.push(['close', code, reason]);
  }
}

/** What becomes of bytes that arrive in these chunks, each in memory that is overwritten afterwards. */
function read(
  chunks: readonly Uint8Array[],
  maxPayload = MAX_PAYLOAD,
  peer: Peer = 'client',
): Event[] {
  const recorder = new Recorder();
  const reader = new FrameReader(maxPayload, recorder, peer);
  const shared = Buffer.alloc(1 << 17);
  for (const chunk of chunks) {
    shared.set(chunk);
    try {
      reader.read(shared, chunk.length);
    } catch (error) {
      recorder.events.push(['fault', (error as FrameError).code]);
      break;
    }
    shared.fill(0xee);
  }
  return recorder.events;
}

/** The same by `ws`. */
async function readByWs(bytes: Uint8Array, peer: Peer): Promise<Event[]> {
  const events: Event[] = [];
  const receiver = new Receiver({ isServer: peer === 'client', maxPayload: MAX_PAYLOAD });
  receiver.on('message', (data: Buffer, binary: boolean) =>
    events.push(['message', data.toString('hex'), binary]),
  );
  receiver.on('ping', (data: Buffer) => events.push(['ping', data.toString('hex')]));
  receiver.on('pong', (data: Buffer) => events.push(['pong', data.toString('hex')]));
  receiver.on('conclude', (code: number, reason: Buffer) =>
    events.push(['close', code, reason.toString()]),
  );
  receiver.on('error', (error: Error) => events.push(['fault', codeOfError(error)]));
  await new Promise<void>((resolve) => {
    receiver.once('close', resolve);
    receiver.end(Buffer.from(bytes), () => resolve());
  });
  return events;
}

/** Cuts bytes at random places. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted(
    (a, b) => a - b,
  );
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
};

const payload = fc.oneof(
  fc.string({ maxLength: 40, unit: 'grapheme' }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300, size: 'max' }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: MAX_PAYLOAD + 2 }).map((length) => Buffer.alloc(length, 'x')),
);
const closePayload = fc
  .tuple(
    fc.integer({ min: 0, max: 5100 }),
    fc.uint8Array({ maxLength: 20 }),
    fc.integer({ max: 3, min: 0 }),
  )
  .map(([code, reason, kind]) => {
    if (kind === 0) return Buffer.alloc(0);
    const head = Buffer.from([code >> 8, code & 0xff]);
    return kind === 1
      ? head.subarray(0, 1)
      : Buffer.concat([head, kind === 2 ? Buffer.from('ok') : reason]);
  });
const frame = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ opcode: fc.constantFrom(1, 2), final: fc.constant(true), payload }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ opcode: fc.constantFrom(0, 1, 2), final: fc.boolean(), payload }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ opcode: fc.constantFrom(9, 10), final: fc.constant(true), payload }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      opcode: fc.constant(8),
      final: fc.constant(true),
      payload: closePayload,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ opcode: fc.nat({ max: 15 }), final: fc.boolean(), payload }),
  },
);
const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
const streamOf = (peer: Peer) =>
  fc
    .array(fc.tuple(frame, mask), { maxLength: 12 })
    .map((frames) =>
      Buffer.concat(
        frames.map(([it, bytes]) =>
          peer === 'client' ? clientFrame({ ...it, mask: bytes }) : serverFrame(it),
        ),
      ),
    );
const places = fc.array(fc.nat(), { maxLength: 12 });

describe.each(['client', 'server'] as const)('the frames of a %s', (peer) => {
  const stream = streamOf(peer);

  it('are read as ws reads them, wherever they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(stream, places, async (bytes, at) => {
        expect(read(cut(bytes, at), MAX_PAYLOAD, peer)).toEqual(await readByWs(bytes, peer));
      }),
      { numRuns: 2000 },
    );
  });

  it('may be damaged anywhere: the fault is the one that ws finds', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(stream, damage, places, async (bytes, changes, at) => {
        if (bytes.length === 0) return;
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        expect(read(cut(bytes, at), MAX_PAYLOAD, peer)).toEqual(await readByWs(bytes, peer));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([125, 126, 65_535, 65_536, 200_000])('may have %d bytes', (length) => {
    const data = Buffer.from(Array.from({ length }, (_, i) => i % 251));
    const bytes = (peer === 'client' ? clientFrame : serverFrame)({
      opcode: 2,
      final: true,
      payload: data,
    });
    const chunks = cut(bytes, [3, 9, 13, 14, 15, 4097, 70_000, 100_000, 130_000, 131_000, 190_000]);
    expect(read(chunks, 200_000, peer)).toEqual([['message', data.toString('hex'), true]]);
  });
});

describe('the frames of a client', () => {
  it('may come byte by byte', () => {
    const text = 'ä'.repeat(300);
    const bytes = clientFrame({ opcode: 1, final: true, payload: Buffer.from(text) });
    const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(read(chunks)).toEqual([['message', Buffer.from(text).toString('hex'), false]]);
  });

  it('cost no memory for a length that is only announced', () => {
    const recorder = new Recorder();
    const reader = new FrameReader(1 << 30, recorder);
    const head = clientFrame({ opcode: 2, final: true, payload: Buffer.alloc(70_000) }).subarray(
      0,
      20,
    );
    head.writeUInt32BE(1 << 29, 6);
    const before = process.memoryUsage().arrayBuffers;
    reader.read(head, head.length);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('are not read any more once the reader is stopped, also in the same chunk', () => {
    const recorder = new Recorder();
    const reader = new FrameReader(MAX_PAYLOAD, recorder);
    recorder.onPing = () => reader.stop();
    const one = (opcode: number) => clientFrame({ opcode, final: true, payload: Buffer.from('x') });
    const bytes = Buffer.concat([one(1), one(9), one(1)]);
    reader.read(bytes, bytes.length);
    reader.read(one(1), 7);
    expect(recorder.events).toEqual([['message', '78', false]]);
  });
});
