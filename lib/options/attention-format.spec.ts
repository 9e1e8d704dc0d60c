import { describe, expect, it } from 'vitest';
import { attentionFormat, DEFAULT_ATTENTION, idFrom } from './attention-format.js';
import { resolveOptions } from './resolve-options.js';

class Format {
  readonly event = 'stop';
  requestId() {
    return undefined;
  }
  cancelledId() {
    return undefined;
  }
  answer() {
    return null;
  }
}

describe('hub.attention', () => {
  it('takes an object of the application as it is', () => {
    const attention = new Format();
    expect(resolveOptions({ hub: { attention } }).hub.attention).toBe(attention);
  });

  it.each([
    null,
    'cancel',
    {},
    { ...DEFAULT_ATTENTION, event: '' },
    { ...DEFAULT_ATTENTION, event: 5 },
    { ...DEFAULT_ATTENTION, answer: 'text' },
    { ...DEFAULT_ATTENTION, requestId: undefined },
    Proxy.revocable({}, {}),
  ])('refuses %j', (value) => {
    expect(attentionFormat().accepts(value)).toBe(false);
    expect(() => resolveOptions({ hub: { attention: value as never } })).toThrow(
      'hub.attention must be an object with a text `event` and the functions `requestId`, `cancelledId`, `answer`',
    );
  });

  it.each([
    [{ id: 'a', data: { id: 'b' } }, 'a'],
    [{ data: { id: 'b' } }, 'b'],
    [{ id: '', data: { id: 0 } }, 0],
    [{ id: { a: 1 }, data: null }, undefined],
    [{ id: 'x'.repeat(129) }, undefined],
    [{ data: 'text' }, undefined],
  ])('finds the id of %j', (message, id) => {
    expect(DEFAULT_ATTENTION.requestId(message)).toBe(id);
  });

  it('finds what is cancelled in the data alone', () => {
    const { cancelledId, answer } = DEFAULT_ATTENTION;
    expect(cancelledId({ id: 'a' })).toBeUndefined();
    expect(cancelledId({ id: 'a', data: { id: 'b' } })).toBe('b');
    expect(answer('b', true)).toEqual({ event: 'cancelled', data: { id: 'b', found: true } });
  });

  it('has ids of at most 128 characters', () => {
    expect(idFrom('x'.repeat(128))).toBe('x'.repeat(128));
    expect([idFrom('x'.repeat(129)), idFrom(null), idFrom(5n)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
