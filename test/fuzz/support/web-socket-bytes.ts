import type { FuzzRandom } from './fuzz-random.js';

export interface FrameShape {
  opcode: number;
  payload: Buffer;
  fin?: boolean;
  rsv?: number;
  masked?: boolean;
  /** The length that the header claims, when it is not that of the payload. */
  claimed?: number;
}

/** One WebSocket frame of a client, by the book or not. */
export function frame({
  opcode,
  payload,
  fin = true,
  rsv = 0,
  masked = true,
  claimed,
}: FrameShape) {
  const length = claimed ?? payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + extended + (masked ? 4 : 0));
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) header.writeUInt16BE(length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([header, payload]);
}

export const binaryFrame = (payload: Buffer): Buffer => frame({ opcode: 2, payload });

export function closeFrame(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame({ opcode: 8, payload });
}

const small = (random: FuzzRandom) => random.bytes(random.int(0, 120));

/** Frames that a relay must take from a client, whatever is in them. */
export function harmlessFrame(random: FuzzRandom): Buffer {
  const text = small(random).toString('latin1');
  const json = JSON.stringify({ event: random.pick(['echo', 'nothing', text]), data: text });
  return random.pick([
    () => frame({ opcode: 1, payload: Buffer.from(text) }),
    () => frame({ opcode: 1, payload: Buffer.from(json) }),
    () =>
      frame({
        opcode: 1,
        payload: random.flip(Buffer.from(json)).map((byte) => byte & 0x7f) as Buffer,
      }),
    () => frame({ opcode: 2, payload: random.bytes(random.int(0, 400)) }),
    () => frame({ opcode: 9, payload: small(random) }),
    () => frame({ opcode: 10, payload: small(random) }),
    () =>
      Buffer.concat([
        frame({ opcode: 1, payload: Buffer.from(text), fin: false }),
        frame({ opcode: 9, payload: small(random) }),
        frame({ opcode: 0, payload: Buffer.from(text) }),
      ]),
  ])();
}

/** Frames after which the connection cannot go on. */
export function fatalFrame(random: FuzzRandom): Buffer {
  const payload = small(random);
  return random.pick([
    () => random.bytes(random.int(1, 300)),
    () => frame({ opcode: random.pick([1, 2]), payload, rsv: random.int(1, 7) }),
    () => frame({ opcode: random.pick([1, 2, 9]), payload, masked: false }),
    () => frame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload }),
    () => frame({ opcode: 2, payload, claimed: random.int(2 ** 30, 2 ** 53 - 1) }),
    () => frame({ opcode: 9, payload: random.bytes(random.int(126, 300)) }),
    () => frame({ opcode: 9, payload, fin: false }),
    () => frame({ opcode: 0, payload }),
    () => frame({ opcode: 1, payload: Buffer.concat([payload, Buffer.from([0xc0, 0x80])]) }),
    () => frame({ opcode: 8, payload: random.bytes(random.int(1, 125)) }),
    () => closeFrame(random.int(0, 65_535), 'fuzz'),
    () => random.truncate(frame({ opcode: 2, payload: random.bytes(200) })),
    () => Buffer.concat([frame({ opcode: 1, payload, fin: false }), frame({ opcode: 1, payload })]),
  ])();
}

/** What a server sent on a WebSocket, as far as it is complete. */
export class ServerFrames {
  readonly batches: Buffer[] = [];
  close: { code: number; reason: string } | undefined;
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    let bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    for (;;) {
      const short = bytes.length >= 2 ? bytes[1]! & 0x7f : 0;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < header) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(2)
            : Number(bytes.readBigUInt64BE(2));
      if (bytes.length < header + length) break;
      this.take(bytes[0]! & 0x0f, bytes.subarray(header, header + length));
      bytes = bytes.subarray(header + length);
    }
    this.rest = bytes;
  }

  private take(opcode: number, payload: Buffer) {
    if (opcode === 2) this.batches.push(payload);
    if (opcode !== 8) return;
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.close = { code, reason: payload.toString('utf8', 2) };
  }
}
