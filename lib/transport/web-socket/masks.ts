import process from 'node:process';
import { Buffer } from 'node:buffer';
import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';

/** The part of the optional peer `bufferutil` that is used. */
interface BufferUtil {
  unmask(buffer: Buffer, mask: Buffer): void;
}

/** Payloads from this size on are worth a call into native code, in bytes. */
const NATIVE_BYTES = 256;
/** Payloads up to this size are unmasked byte by byte. */
const SHORT_BYTES = 160;

const native = loadBufferUtil();

/** The payload of a frame, without its mask, which is before it. The result is a copy. */
export function unmask(bytes: Uint8Array, from: number, length: number): Buffer {
  const payload = Buffer.allocUnsafe(length);
  if (length > SHORT_BYTES) {
    payload.set(bytes.subarray(from, from + length));
    maskInPlace(payload, bytes.subarray(from - 4, from));
    return payload;
  }
  maskShort(payload, 0, bytes, from, length);
  return payload;
}

/** Puts a new mask into the four bytes before `from`, and masks what is from there up to `to`. */
export function maskInFrame(frame: Buffer, from: number, to: number): void {
  writeMask(frame, from - 4);
  if (to - from > SHORT_BYTES) {
    maskInPlace(frame.subarray(from, to), frame.subarray(from - 4, from));
  } else {
    maskShort(frame, from, frame, from, to - from);
  }
}

/** Masks `length` bytes of `bytes`, whose mask is before them, and puts the result into `target`. */
function maskShort(target: Buffer, at: number, bytes: Uint8Array, from: number, length: number) {
  const a = bytes[from - 4]!;
  const b = bytes[from - 3]!;
  const c = bytes[from - 2]!;
  const d = bytes[from - 1]!;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    target[at + i] = bytes[from + i]! ^ a;
    target[at + i + 1] = bytes[from + i + 1]! ^ b;
    target[at + i + 2] = bytes[from + i + 2]! ^ c;
    target[at + i + 3] = bytes[from + i + 3]! ^ d;
  }
  if (i < length) target[at + i] = bytes[from + i]! ^ a;
  if (i + 1 < length) target[at + i + 1] = bytes[from + i + 1]! ^ b;
  if (i + 2 < length) target[at + i + 2] = bytes[from + i + 2]! ^ c;
}

/**
 * Masks a payload, or takes its mask away.
 * @param mask its four bytes
 */
export function maskInPlace(payload: Buffer, mask: Uint8Array): void {
  const { length, byteOffset } = payload;
  if (native && length >= NATIVE_BYTES) {
    native.unmask(payload, Buffer.from(mask));
    return;
  }
  let i = 0;
  if (byteOffset % 4 === 0 && length > SHORT_BYTES) {
    const words = new Int32Array(payload.buffer, byteOffset, length >> 2);
    const word = new Int32Array(Uint8Array.from(mask).buffer)[0]!;
    for (let w = 0; w < words.length; w++) words[w]! ^= word;
    i = words.length * 4;
  }
  for (; i < length; i++) payload[i]! ^= mask[i & 3]!;
}

/** Random bytes are had in bulk. */
const pool = Buffer.alloc(8192);
let used = pool.length;

function writeMask(target: Buffer, at: number) {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let i = 0; i < 4; i++) target[at + i] = pool[used++]!;
}

/** `ws` leaves it out under the same circumstances. */
function loadBufferUtil(): BufferUtil | undefined {
  if (process.env['WS_NO_BUFFER_UTIL']) return undefined;
  try {
    return createRequire(import.meta.url)('bufferutil') as BufferUtil;
  } catch {
    return undefined;
  }
}
