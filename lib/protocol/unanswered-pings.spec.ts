import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnansweredPings } from './unanswered-pings.js';

const list = (pings: UnansweredPings) => pings.list.map((it) => Buffer.from(it).toString());

function sent(...texts: string[]): UnansweredPings {
  const pings = new UnansweredPings();
  for (const text of texts) pings.sent(Buffer.from(text));
  return pings;
}

describe('UnansweredPings', () => {
  it.each([
    ['the first', '1', ['2', '3']],
    ['one and those before it', '2', ['3']],
    ['the last', '3', []],
    ['none of them', 'x', ['1', '2', '3']],
  ])('forgets what a pong answers: %s', (_, pong, left) => {
    const pings = sent('1', '2', '3');
    pings.answered(Buffer.from(pong));
    expect(list(pings)).toEqual(left);
  });

  it('takes a pong for the latest of pings that are alike', () => {
    const pings = sent('', '1', '', '2');
    pings.answered(Buffer.alloc(0));
    expect(list(pings)).toEqual(['2']);
  });

  it('remembers the last 16', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 40 }), (texts) => {
        expect(list(sent(...texts))).toEqual(
          texts.map((it) => Buffer.from(it).toString()).slice(-16),
        );
      }),
    );
  });
});
