import { decode } from '@msgpack/msgpack';

/** Nesting of control messages; they need 3 levels. */
const MAX_DEPTH = 8;
const NIL = 0xc0;
/** Bytes after the type byte of the values 0xc0 to 0xdf that have a fixed size. */
const FIXED: Readonly<Record<number, number>> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
  0xd4: 2,
  0xd5: 3,
  0xd6: 5,
  0xd7: 9,
  0xd8: 17,
};
/** Those whose size is given by a length of 1, 2 or 4 bytes, and what is added to it. */
const SIZED: Readonly<Record<number, readonly [lengthBytes: number, more: number]>> = {
  0xc4: [1, 0],
  0xc5: [2, 0],
  0xc6: [4, 0],
  0xc7: [1, 1],
  0xc8: [2, 1],
  0xc9: [4, 1],
  0xd9: [1, 0],
  0xda: [2, 0],
  0xdb: [4, 0],
};

function skipItems(body: Buffer, at: number, items: number, levels: number): number {
  if (levels === 0) throw new RangeError('nested too deeply');
  // Each item takes a byte at least: a count above that is a lie that would only cost memory.
  if (items > body.length - at) throw new RangeError('more items than bytes');
  for (let i = 0; i < items; i++) at = skip(body, at, levels - 1);
  return at;
}

/** @returns where the value ends that begins at `at` */
function skip(body: Buffer, at: number, levels: number): number {
  const type = body.readUInt8(at++);
  if (type < 0x80 || type >= 0xe0) return at;
  if (type < 0x90) return skipItems(body, at, 2 * (type & 0x0f), levels);
  if (type < 0xa0) return skipItems(body, at, type & 0x0f, levels);
  if (type < 0xc0) return at + (type & 0x1f);
  const fixed = FIXED[type];
  if (fixed !== undefined) return at + fixed;
  const sized = SIZED[type];
  if (sized) return at + sized[0] + body.readUIntBE(at, sized[0]) + sized[1];
  if (type < 0xdc) throw new RangeError('unknown type');
  const lengthBytes = type % 2 === 0 ? 2 : 4;
  const count = body.readUIntBE(at, lengthBytes) * (type >= 0xde ? 2 : 1);
  return skipItems(body, at + lengthBytes, count, levels);
}

/**
 * Checks the shape of one value before it is decoded, since a decoder reserves memory for as many items
 * as a list or map claims to have: a few bytes could claim all memory there is.
 * @param maxDepth how deep lists and maps may be nested
 * @throws RangeError
 */
export function checkMessagePack(body: Buffer, maxDepth: number): void {
  if (skip(body, 0, maxDepth) !== body.length) {
    throw new RangeError('truncated, or bytes after the end');
  }
}

/** Optional fields may be nil: everybody else shall find them absent. */
function withoutNil(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNil);
  if (Object.prototype.toString.call(value) !== '[object Object]') return value;
  const fields = Object.entries(value as object).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNil(field)]));
}

/**
 * Decodes one value; what is nil in a map is left out.
 * @throws what the decoder throws, or RangeError
 */
export function decodeMessagePack(body: Buffer): unknown {
  checkMessagePack(body, MAX_DEPTH);
  const value = decode(body);
  return body.includes(NIL) ? withoutNil(value) : value;
}
