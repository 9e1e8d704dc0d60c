import { Buffer } from 'node:buffer';
import type { Payload } from '../protocol/messages.js';

/** What `send`, `ping` and `pong` of a `ws` WebSocket take. */
export type SendData = unknown;

function bytesOf(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data;
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as string);
}

/** The payload that `ws` would send for `data`. */
export function toPayload(
  data: SendData,
  binary: boolean | undefined,
): { payload: Payload; binary: boolean } {
  const value = typeof data === 'number' ? String(data) : (data ?? Buffer.alloc(0));
  const text = typeof value === 'string';
  const asBinary = binary ?? !text;
  if (text) return { payload: asBinary ? Buffer.from(value) : value, binary: asBinary };
  return { payload: bytesOf(value), binary: asBinary };
}

/** The bytes that `ws` would send for `data`. */
export function toBytes(data: SendData): Buffer {
  const { payload } = toPayload(data, true);
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** The first argument of a `message` event: what `ws` would emit. */
export function toReceived(data: Payload, binary: boolean, binaryType: string): unknown {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (!binary || binaryType === 'nodebuffer') return bytes;
  if (binaryType === 'fragments') return [bytes];
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

const isCloseCode = (code: unknown): code is number =>
  Number.isInteger(code) &&
  (((code as number) >= 1000 &&
    (code as number) <= 1014 &&
    ![1004, 1005, 1006].includes(code as number)) ||
    ((code as number) >= 3000 && (code as number) <= 4999));

/**
 * Checks the arguments of `close` as `ws` does. @returns the reason
 * @throws TypeError, RangeError
 */
export function checkClose(code: unknown, data: unknown): string {
  if (code === undefined) return '';
  if (!isCloseCode(code)) throw new TypeError('First argument must be a valid error code number');
  if (data === undefined) return '';
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw new TypeError('Second argument must be a string or a Uint8Array');
  }
  if (Buffer.byteLength(data) > 123) {
    throw new RangeError('The message must not be greater than 123 bytes');
  }
  return data.toString();
}
