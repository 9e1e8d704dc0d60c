import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

const unmaskNatively = vi.fn<(buffer: Buffer, mask: Buffer) => void>((buffer, mask) => {
  for (let i = 0; i < buffer.length; i++) buffer[i]! ^= mask[i & 3]!;
});

/** The module as it is with or without `bufferutil`. */
async function load(hasBufferUtil: boolean) {
  vi.resetModules();
  vi.doMock('node:module', () => ({
    createRequire: () => () => {
      if (!hasBufferUtil) throw new Error('not installed');
      return { unmask: unmaskNatively };
    },
  }));
  return import('./masks.js');
}
afterEach(() => {
  vi.doUnmock('node:module');
  vi.unstubAllEnvs();
  unmaskNatively.mockClear();
});

describe.each([
  ['without bufferutil', false],
  ['with bufferutil', true],
])('a payload, %s', (_, hasBufferUtil) => {
  it('is unmasked, wherever it is and however long', async () => {
    const { unmask, maskInPlace, maskInFrame } = await load(hasBufferUtil);
    const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700, size: 'max' }),
        mask,
        fc.nat(9),
        (data, key, offset) => {
          const masked = data.map((byte, i) => byte ^ key[i & 3]!);
          const frame = Buffer.concat([Buffer.alloc(offset), key, masked]);
          expect([...unmask(frame, offset + 4, data.length)]).toEqual([...data]);
          const inPlace = Buffer.alloc(offset + data.length);
          inPlace.set(masked, offset);
          const payload = inPlace.subarray(offset);
          maskInPlace(payload, key);
          expect([...payload]).toEqual([...data]);
          const own = Buffer.concat([frame.subarray(0, offset + 4), data, Buffer.from('behind')]);
          maskInFrame(own, offset + 4, offset + 4 + data.length);
          expect(own.subarray(0, offset)).toEqual(frame.subarray(0, offset));
          expect([...unmask(own, offset + 4, data.length)]).toEqual([...data]);
          expect(own.subarray(offset + 4 + data.length).toString()).toBe('behind');
        },
      ),
    );
    expect(unmaskNatively.mock.calls.length > 0).toBe(hasBufferUtil);
  });
});

it('is unmasked without bufferutil when WS_NO_BUFFER_UTIL says so', async () => {
  vi.stubEnv('WS_NO_BUFFER_UTIL', '1');
  const { unmask } = await load(true);
  unmask(Buffer.alloc(1004), 4, 1000);
  expect(unmaskNatively).not.toHaveBeenCalled();
});
