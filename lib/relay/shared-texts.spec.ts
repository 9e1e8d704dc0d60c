import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedTexts } from './shared-texts.js';

const pair = fc.tuple(
  fc.constantFrom('Host', 'Cookie', 'AUTHORIZATION', 'Origin', 'Sec-WebSocket-Key', 'X-Any'),
  fc.oneof(fc.string(), fc.string({ minLength: 200, maxLength: 400 }), fc.constant('localhost')),
);

describe('SharedTexts', () => {
  it('leaves all headers as they are, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.array(pair, { maxLength: 8 }), { maxLength: 20 }), (requests) => {
        const texts = new SharedTexts();
        for (const request of requests) {
          const rawHeaders = request.flat();
          expect(texts.headers(rawHeaders)).toEqual(rawHeaders);
        }
      }),
    );
  });

  it('goes on after more texts than it remembers', () => {
    const texts = new SharedTexts();
    for (let i = 0; i < 2500; i++) {
      const rawHeaders = ['Host', 'localhost', 'X-Any', `text ${i}`];
      expect(texts.headers(rawHeaders)).toEqual(rawHeaders);
    }
  });
});
