import { describe, expect, it } from 'vitest';
import { systemClock } from '../transport/system-clock.js';
import { FailureLog } from './failure-log.js';

describe('FailureLog', () => {
  it('cannot be used to flood the log', () => {
    const lines: string[] = [];
    let now = 0;
    const log = { log: () => {}, warn: (line: string) => void lines.push(line), error: () => {} };
    const failures = new FailureLog(log, { ...systemClock, now: () => now });
    for (let i = 0; i < 5000; i++) failures.warn('1.2.3.4', 'bad token');
    expect(lines).toEqual(['bad token (from 1.2.3.4)']);
    for (let i = 0; i < 5000; i++) failures.warn(`10.0.${i >> 8}.${i & 255}`, 'bad token');
    expect(lines).toHaveLength(100);
    now = 60_000;
    failures.warn('1.2.3.4', 'bad token');
    expect(lines.slice(100)).toEqual([
      '9900 more of these were not logged',
      'bad token (from 1.2.3.4)',
    ]);
  });
});
