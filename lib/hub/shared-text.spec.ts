import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTurn } from '../../test/support/virtual-socket-fixture.js';
import { SharedText } from './shared-text.js';

describe('SharedText', () => {
  it('gives every text its bytes, however often it comes', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom('', 'a', 'ä', '\ud800'), text)), (texts) => {
        const shared = new SharedText();
        for (const it of texts) {
          const payload = shared.payloadOf(it);
          expect(Buffer.from(payload as string)).toEqual(Buffer.from(it));
          expect(shared.bytes).toBe(Buffer.byteLength(it));
        }
      }),
    );
  });

  it('encodes a text once for all who get it', () => {
    const shared = new SharedText();
    expect(shared.payloadOf('one')).toBe('one');
    const encoded = shared.payloadOf('one');
    expect(encoded).toBeInstanceOf(Buffer);
    expect(shared.payloadOf('one')).toBe(encoded);
    expect(shared.payloadOf('two')).toBe('two');
  });

  it('remembers a large text for the present turn only', async () => {
    const shared = new SharedText();
    const large = 'x'.repeat(100_000);
    shared.payloadOf(large);
    expect(shared.payloadOf(large)).toBeInstanceOf(Buffer);
    await nextTurn();
    expect(shared.bytes).toBe(0);
    expect(shared.payloadOf(large)).toBe(large);
    shared.payloadOf('small');
    await nextTurn();
    expect(shared.bytes).toBe(5);
  });
});
