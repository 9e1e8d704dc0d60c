import { deepStrictEqual } from 'node:assert';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionContext, decodeContext, encodeContext } from './context-codec.js';
import { StateRefusedException } from './state-refused.exception.js';

const cursor = fc.oneof(
  fc.constantFrom(null, 0, '', false),
  fc.nat(),
  fc.string(),
  fc.date(),
  fc.bigInt(),
  fc.array(fc.tuple(fc.string(), fc.nat())).map((it) => new Map(it)),
  fc.record({ page: fc.nat(), last: fc.string() }, { noNullPrototype: true }),
);
const batch = fc.record(
  { number: fc.maxSafeNat(), cursor, results: fc.nat() },
  { requiredKeys: ['number', 'results'], noNullPrototype: true },
);
const context: fc.Arbitrary<ConnectionContext> = fc
  .record(
    {
      version: fc.integer({ min: 1, max: 1000 }),
      state: fc.uint8Array(),
      batches: fc.uniqueArray(batch, { selector: ({ number }) => number }),
      cancelled: fc.array(fc.string()),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map(({ state, ...rest }) => (rest.version && state ? { ...rest, state } : rest));

function onlyRefuses(bytes: Uint8Array): void {
  try {
    decodeContext(bytes);
  } catch (error) {
    // A changed byte can also make a cursor of a class that nobody knows, which is `invalid`.
    if (error instanceof StateRefusedException && /^(malformed|invalid)$/.test(error.code)) return;
    throw error;
  }
}

describe('encodeContext and decodeContext', () => {
  it('round-trip every context', () => {
    fc.assert(
      fc.property(context, (it) => {
        const bytes = encodeContext(it);
        deepStrictEqual(decodeContext(bytes), it);
        deepStrictEqual(encodeContext(decodeContext(bytes)), bytes);
      }),
    );
  });

  it('leave out what is undefined', () => {
    const given = { version: undefined, batches: [{ number: 1, cursor: undefined, results: 0 }] };
    deepStrictEqual(decodeContext(encodeContext(given)), { batches: [{ number: 1, results: 0 }] });
    expect(encodeContext({})).toHaveLength(1);
  });

  it('decode from the middle of other bytes', () => {
    const bytes = encodeContext({ version: 1, state: Uint8Array.of(1, 2) });
    const body = Buffer.concat([Buffer.alloc(5), bytes, Buffer.alloc(5)]);
    const decoded = decodeContext(body.subarray(5, 5 + bytes.length));
    expect([...decoded.state!]).toEqual([1, 2]);
  });

  it('refuse a cursor that cannot travel', () => {
    const batches = [{ number: 1, cursor: { done: () => 1 }, results: 0 }];
    expect(() => encodeContext({ batches })).toThrow('cursor.done is a function');
  });

  it('ignore fields that are not known', () => {
    expect(decodeContext(encode({ later: 1, version: 1 }))).toEqual({ version: 1 });
  });

  const id = 'x'.repeat(1025);
  it.each<[string, object]>([
    ['no map', []],
    ['a state without version', { state: Uint8Array.of(1) }],
    ['a state that is no bytes', { version: 1, state: 'x' }],
    ['too large a state', { version: 1, state: new Uint8Array(524_289) }],
    ['version 0', { version: 0 }],
    ['half a version', { version: 1.5 }],
    ['batches that are no list', { batches: {} }],
    ['a batch that is no map', { batches: [1] }],
    ['a batch without number', { batches: [{ results: 1 }] }],
    ['a batch without results', { batches: [{ number: 1 }] }],
    ['a negative number', { batches: [{ number: -1, results: 0 }] }],
    ['negative results', { batches: [{ number: 1, results: -1 }] }],
    ['a cursor that is no bytes', { batches: [{ number: 1, results: 1, cursor: 5 }] }],
    ['a broken cursor', { batches: [{ number: 1, results: 1, cursor: Uint8Array.of(0xc1) }] }],
    ['a number twice', { batches: [1, 1].map((number) => ({ number, results: 0 })) }],
    [
      'too many batches',
      { batches: Array.from({ length: 10_001 }, (_, number) => ({ number, results: 0 })) },
    ],
    ['cancelled that is no list', { cancelled: 'x' }],
    ['cancelled ids that are no text', { cancelled: [1] }],
    ['long ids', { cancelled: [id] }],
    ['too many ids', { cancelled: Array.from({ length: 10_001 }, () => 'x') }],
  ])('refuse %s', (_, given) => {
    expect(() => decodeContext(encode(given))).toThrow(
      expect.objectContaining({ name: 'StateRefusedException', code: 'malformed' }),
    );
  });

  it('refuse at once to encode what would be refused later', () => {
    expect(() => encodeContext({ cancelled: [id] })).toThrow(RangeError);
    expect(() => encodeContext({ state: Uint8Array.of(1) })).toThrow(/"version" must be there/);
  });

  it('survive random and changed bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), onlyRefuses), { numRuns: 2000 });
    fc.assert(
      fc.property(context, fc.nat(), fc.nat(255), (it, at, byte) => {
        const bytes = encodeContext(it);
        bytes[at % bytes.length] = byte;
        onlyRefuses(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
