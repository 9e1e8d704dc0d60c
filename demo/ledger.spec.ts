import { describe, expect, it } from 'vitest';
import { parseLedger } from './ledger.js';

describe('parseLedger', () => {
  it('reads what the gateway wrote, without a line that was cut', () => {
    const lines = [
      ['server', 's1'],
      ['open', 1, '0.1', 'id-0', null, 5],
      ['up', 1, '0.1', 1, true, 6],
      ['down', 1, 1],
      ['down', 1, 2],
      ['close', 1, 's2', 9],
      ['open', 2, '1.1', 'id-1', 's0', 7],
    ];
    const text = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n["up",2,"1.`;
    expect(parseLedger(text)).toEqual([
      {
        server: 's1',
        visit: 1,
        label: '0.1',
        connectionId: 'id-0',
        from: null,
        to: 's2',
        openedAt: 5,
        closedAt: 9,
        handled: [{ label: '0.1', n: 1, intact: true, at: 6 }],
        sent: 2,
      },
      {
        server: 's1',
        visit: 2,
        label: '1.1',
        connectionId: 'id-1',
        from: 's0',
        openedAt: 7,
        handled: [],
        sent: 0,
      },
    ]);
  });

  it('refuses a ledger that misses the beginning of a visit', () => {
    expect(() => parseLedger('["server","s1"]\n["down",3,1]\n')).toThrow(
      'the ledger of s1 misses visit 3',
    );
  });
});
