import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessagePack } from './message-pack.js';

const pack = (value: unknown) => Buffer.from(encode(value));

describe('decodeMessagePack', () => {
  it('decodes what an encoder writes, of every type', () => {
    const leaf = fc.oneof(
      fc.boolean(),
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }).filter((it) => !Object.is(it, -0)),
      fc.string({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((it) => Buffer.from(it)),
    );
    const value = fc.dictionary(
      fc.string({ maxLength: 10 }).filter((key) => key !== '__proto__'),
      fc.oneof(leaf, fc.array(leaf, { maxLength: 20 }), fc.array(fc.array(leaf), { maxLength: 3 })),
    );
    fc.assert(
      fc.property(value, (it) => {
        expect(decodeMessagePack(pack(it))).toEqual({ ...it });
      }),
    );
  });

  it('decodes long lists, maps, strings and bytes', () => {
    const long = {
      list: Array.from({ length: 70_000 }, (_, i) => i),
      map: Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i])),
      string: 'x'.repeat(70_000),
      bytes: Buffer.alloc(70_000),
      date: new Date(1e12),
    };
    expect(decodeMessagePack(pack(long))).toEqual(long);
  });

  it.each([
    ['a list that claims too much', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map that claims too much', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a string that claims too much', [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ['lists in lists without end', Array.from({ length: 100 }, () => 0x91)],
    ['the type that is never used', [0xc1]],
    ['nothing', []],
    ['bytes after the end', [0x01, 0x01]],
    ['a forbidden key', [0x81, 0xa9, ...Buffer.from('__proto__'), 0x80]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeMessagePack(Buffer.from(bytes))).toThrow(/./);
  });
});
