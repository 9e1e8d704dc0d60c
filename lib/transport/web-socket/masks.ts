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
  const a = bytes[from - 4]!;
  const b = bytes[from - 3]!;
  const c = bytes[from - 2]!;
  const d = bytes[from - 1]!;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    payload[i] = bytes[from + i]! ^ a;
    payload[i + 1] = bytes[from + i + 1]! ^ b;
    payload[i + 2] = bytes[from + i + 2]! ^ c;
    payload[i + 3] = bytes[from + i + 3]! ^ d;
  }
  if (i < length) payload[i] = bytes[from + i]! ^ a;
  if (i + 1 < length) payload[i + 1] = bytes[from + i + 1]! ^ b;
  if (i + 2 < length) payload[i + 2] = bytes[from + i + 2]! ^ c;
  return payload;
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

/** Puts a new mask into four bytes of `target`. @returns these bytes */
export function writeMask(target: Buffer, at: number): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let i = 0; i < 4; i++) target[at + i] = pool[used++]!;
  return target.subarray(at, at + 4);
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
