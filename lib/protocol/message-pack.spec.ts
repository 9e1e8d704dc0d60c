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
        const present = Object.entries(it).filter(([, field]) => field !== null);
        expect(decodeMessagePack(pack(it))).toEqual(Object.fromEntries(present));
      }),
    );
  });

  it('leaves out what is nil in a map, and keeps bytes and dates beside it', () => {
    const date = new Date(1e12);
    const bytes = Buffer.from([0xc0]);
    const given = { a: null, b: [{ c: null, d: 1 }, null], e: { f: null, date, bytes }, g: 'À' };
    const decoded = decodeMessagePack(pack(given));
    expect(decoded).toStrictEqual({
      b: [{ d: 1 }, null],
      e: { date, bytes: expect.anything() },
      g: 'À',
    });
    expect((decoded as { e: { bytes: Buffer } }).e.bytes).toEqual(bytes);
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
