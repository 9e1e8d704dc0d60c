import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTurn } from '../../test/support/virtual-socket-fixture.js';
import { CountedText } from './counted-text.js';

describe('CountedText', () => {
  it('counts the bytes of every text', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'é', '\ud800', 'x'.repeat(20_000)),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const counted = new CountedText();
        for (const it of texts) expect(counted.bytesOf(it)).toBe(Buffer.byteLength(it));
      }),
    );
  });

  it('does not remember a large one for longer than the turn', async () => {
    const counted = new CountedText();
    const large = 'é'.repeat(10_000);
    expect(counted.bytesOf(large)).toBe(20_000);
    expect(counted).toMatchObject({ text: large });
    await nextTurn();
    expect(counted).toMatchObject({ text: '' });
    expect(counted.bytesOf(large)).toBe(20_000);
    expect(counted.bytesOf('small')).toBe(5);
    await nextTurn();
    expect(counted).toMatchObject({ text: 'small' });
  });
});
