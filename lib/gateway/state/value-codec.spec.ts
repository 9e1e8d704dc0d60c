import { deepStrictEqual } from 'node:assert';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateRefusedException } from './state-refused.exception.js';
import { TypeRegistry } from './type-registry.js';
import { encodeValue } from './value-packer.js';
import { decodeValue } from './value-reviver.js';

class Address {
  street: unknown;
  constructor(street: unknown, more: object = {}) {
    this.street = street;
    Object.assign(this, more);
  }
}
class Root {}

const known = TypeRegistry.of(Root, [Address]);
const roundTrip = (value: unknown) =>
  decodeValue(encodeValue(value, 'state', known), 'state', { known });

const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((codes) => {
  return String.fromCharCode(...codes);
});
const key = fc
  .oneof({ weight: 5, arbitrary: fc.string() }, anyText)
  .filter((it) => it !== '__proto__');
const leaf = fc.oneof(
  fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, -0, true, false),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.string({ unit: 'binary' }),
  anyText,
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.uint8Array().map((it) => Buffer.from(it)),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    leaf,
    fc.array(tie('tree'), { maxLength: 6, depthIdentifier: 'tree' }),
    fc.dictionary(key, tie('tree'), { maxKeys: 6, depthIdentifier: 'tree' }),
    fc.array(fc.tuple(tie('tree'), tie('tree')), { maxLength: 4 }).map((it) => new Map(it)),
    fc.array(tie('tree'), { maxLength: 4 }).map((it) => new Set(it)),
    fc.tuple(tie('tree'), tie('tree')).map(([street, zip]) => new Address(street, { zip })),
  ),
}));

/** The same with the properties of every plain object in the opposite order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).toReversed();
  return Object.fromEntries(entries.map(([name, field]) => [name, reordered(field)]));
}

describe('encodeValue and decodeValue', () => {
  it('round-trip every supported tree', () => {
    fc.assert(
      fc.property(tree, (it) => deepStrictEqual(roundTrip(it), it)),
      { numRuns: 1000 },
    );
  });

  it('give equal bytes for equal trees', () => {
    fc.assert(
      fc.property(tree, (it) => {
        const bytes = encodeValue(it, 'state', known);
        expect(encodeValue(roundTrip(it), 'state', known)).toEqual(bytes);
        expect(encodeValue(reordered(it), 'state', known)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('keep objects without prototype and lists of 70,000', () => {
    const dictionary = Object.create(null) as { constructor: unknown };
    dictionary.constructor = 1;
    const value = { dictionary, list: Array.from({ length: 70_000 }, (_, i) => i) };
    deepStrictEqual(roundTrip(value), value);
  });

  it('keep an invalid date', () => {
    const [date] = roundTrip([new Date(NaN)]) as [Date];
    expect(date).toBeInstanceOf(Date);
    expect(date.getTime()).toBeNaN();
  });

  it('give bytes of their own, whatever becomes of those decoded', () => {
    const bytes = Buffer.from(encodeValue([Buffer.from('abc'), Uint8Array.of(1, 2, 3)], 'state'));
    const decoded = decodeValue(bytes, 'state');
    bytes.fill(0);
    deepStrictEqual(decoded, [Buffer.from('abc'), Uint8Array.of(1, 2, 3)]);
  });

  it('do not run constructors, nor toJSON', () => {
    let made = 0;
    class Counted {
      value = ++made;
      toJSON() {
        return 'lost';
      }
    }
    const types = TypeRegistry.of(Root, [Counted]);
    const bytes = encodeValue(new Counted(), 'state', types);
    const decoded = decodeValue(bytes, 'state', { known: types });
    expect(decoded).toBeInstanceOf(Counted);
    expect(decoded).toEqual({ value: 1 });
    expect(made).toBe(1);
  });

  it('let a class be renamed when it has a name of its own', () => {
    class Place extends Root {
      street = '';
    }
    const bytes = encodeValue(
      [new Address('Main')],
      'state',
      TypeRegistry.of(Root, { home: Address }),
    );
    const now = TypeRegistry.of(Root, { home: Place });
    const [place] = decodeValue(bytes, 'state', { known: now }) as [Place];
    expect(place).toBeInstanceOf(Place);
    expect(place.street).toBe('Main');
  });
});

describe('encodeValue', () => {
  class Other {}
  class Tags extends Set {}
  const cyclic: { inner: { back?: unknown } } = { inner: {} };
  cyclic.inner.back = cyclic;
  let deep: unknown = 1;
  for (let i = 0; i < 101; i++) deep = [deep];

  it.each<[string, unknown, RegExp]>([
    [
      'a class',
      { members: [0, 1, { address: new Other() }] },
      /state\.members\[2\]\.address is an instance of Other, .*@Migratable\({ types: \[Other\] }\)/,
    ],
    [
      'a class in a Map',
      { m: new Map([['a b', new Other()]]) },
      /^state\.m\.get\("a b"\) is an instance of Other/,
    ],
    ['a class in a class', new Address(new Other()), /^state\.street is/],
    ['a class without name', { x: new (class {})() }, /^state\.x is an instance of/],
    [
      'a subclass of a built-in class',
      { x: new Tags() },
      /^state\.x is an instance of Tags, which cannot travel/,
    ],
    [
      'a function',
      { 'on change': () => 1 },
      /^state\["on change"\] is a function, which cannot travel/,
    ],
    ['a symbol', [Symbol('s')], /^state\[0\] is a symbol/],
    ['a promise', { p: Promise.resolve() }, /^state\.p is an instance of Promise, which cannot/],
    ['a WeakMap', { w: new WeakMap() }, /^state\.w is an instance of WeakMap, which cannot/],
    ['an error', { e: new Error('x') }, /^state\.e is an instance of Error, which cannot/],
    ['a URL', { u: new URL('http://a') }, /^state\.u is an instance of URL, which cannot/],
    ['a Float64Array', { f: new Float64Array(1) }, /^state\.f is an instance of Float64Array/],
    ['a cycle', cyclic, /^state\.inner\.back refers to an object that it is a part of/],
    ['deep nesting', deep, /^state(\[0\])+.* is nested too deeply: at most 100 levels/],
    [
      'the key __proto__',
      JSON.parse('{"a":{"__proto__":1}}'),
      /^state\.a has a property "__proto__"/,
    ],
    [
      'far too much',
      { x: Array.from({ length: 600_000 }) },
      /^state\.x\[\d+\] has more than 524288 values/,
    ],
  ])('refuses %s and says where', (_, value, text) => {
    expect(() => encodeValue(value, 'state', known)).toThrow(TypeError);
    expect(() => encodeValue(value, 'state', known)).toThrow(text);
  });

  it('takes an object that is in two places', () => {
    const shared = { a: 1 };
    expect(roundTrip([shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('does not speak of @Migratable where no classes can be', () => {
    expect(() => encodeValue({ at: new Other() }, 'cursor')).toThrow(
      'cursor.at is an instance of Other: only plain data',
    );
  });
});

describe('decodeValue', () => {
  const decoding = (bytes: Uint8Array) => () => decodeValue(bytes, 'state', { known });
  const onlyRefuses = (bytes: Uint8Array) => {
    try {
      decoding(bytes)();
    } catch (error) {
      if (!(error instanceof StateRefusedException)) throw error;
      expect(error.message.length).toBeLessThanOrEqual(900);
    }
  };

  it('survives random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyRefuses), { numRuns: 3000 });
  });

  it('survives bytes that were changed, cut or extended', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tree, changes, fc.integer({ min: -3, max: 3 }), (it, changed, longer) => {
        const bytes = encodeValue(it, 'state', known);
        for (const [at, byte] of changed) bytes[at % bytes.length] = byte;
        const body = Buffer.concat([bytes, Buffer.alloc(3)]);
        onlyRefuses(body.subarray(0, Math.max(0, bytes.length + longer)));
      }),
      { numRuns: 2000 },
    );
  });

  const instance = [0xd4, 1, 4];
  const object = [0xd4, 1, 5];
  it.each<[string, number[], RegExp]>([
    ['a list that claims too much', [0xdd, 0xff, 0xff, 0xff, 0xff], /more items than bytes/],
    ['a map that claims too much', [0xdf, 0xff, 0xff, 0xff, 0xff], /more items than bytes/],
    ['lists without end', Array.from({ length: 10_000 }, () => 0x91), /nested too deeply/],
    ['too many bytes', [0xc6, 0, 9, 0, 0, ...Buffer.alloc(0x90000)], /more than 524288 bytes/],
  ])('refuses %s before it takes memory', (_, bytes, text) => {
    expect(decoding(Uint8Array.from(bytes))).toThrow(StateRefusedException);
    expect(decoding(Uint8Array.from(bytes))).toThrow(text);
  });

  it.each<[string, number[]]>([
    ['a marker of its own', [0xd4, 1, 2]],
    ['a marker in the middle', [0x92, 1, 0xd4, 1, 2]],
    ['an unknown constant', [0xd4, 1, 99]],
    ['an unknown type', [0xd4, 77, 0]],
    ["MessagePack's own date", [0xd6, 0xff, 0, 0, 0, 0]],
    ['a date of 4 bytes', [0xd6, 2, 0, 0, 0, 0]],
    ['a date of 16 bytes', [0xd8, 2, ...Buffer.alloc(16)]],
    ['a bigint without value', [0xd4, 3, 0]],
    ['a bigint with a strange sign', [0xd5, 3, 2, 1]],
    ['half a character', [0xd4, 4, 65]],
    ['a Map with half an entry', [0x92, 0xd4, 1, 2, 5]],
    ['an instance without a class', [0x91, ...instance]],
    ['a property whose name is a number', [0x81, 1, 1]],
    ['a property of an object that is a number', [0x93, ...object, 1, 1]],
    ['nothing', []],
  ])('refuses %s', (_, bytes) => {
    expect(decoding(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ name: 'StateRefusedException', code: 'malformed' }),
    );
  });

  it('refuses __proto__ in every form', () => {
    const name = [0xa9, ...Buffer.from('__proto__')];
    const address = [0xa7, ...Buffer.from('Address')];
    for (const bytes of [
      [0x81, ...name, 0x80],
      [0x93, ...object, ...name, 0x80],
      [0x93, 0xd4, 1, 6, ...name, 0x80],
      [0x94, ...instance, ...address, ...name, 0x80],
    ]) {
      expect(decoding(Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      );
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('refuses classes that are not known, or takes them as plain objects', () => {
    const bytes = encodeValue({ a: [new Address('x')] }, 'state', known);
    expect(() => decodeValue(bytes, 'state')).toThrow(
      expect.objectContaining({
        code: 'invalid',
        message: expect.stringContaining('state.a[0] is an instance of "Address"'),
      }),
    );
    deepStrictEqual(decodeValue(bytes, 'state', { unknownClasses: 'plain' }), {
      a: [{ street: 'x' }],
    });
  });

  it('refuses when a property of a class has become a getter', () => {
    class Now {
      get street() {
        return 1;
      }
    }
    const bytes = encodeValue(
      [new Address('x')],
      'state',
      TypeRegistry.of(Root, { home: Address }),
    );
    const options = { known: TypeRegistry.of(Root, { home: Now }) };
    expect(() => decodeValue(bytes, 'state', options)).toThrow(/state\[0\] does not take/);
  });

  it('takes plain MessagePack', () => {
    expect(decodeValue(encode({ a: [1, null] }), 'state')).toEqual({ a: [1, null] });
  });
});
