import { describe, expect, it } from 'vitest';
import { systemClock } from '../transport/system-clock.js';
import { ConnectionLimits } from './connection-limits.js';

function limits(options: object) {
  const time = { now: 0 };
  const all = {
    maxConnections: 1000,
    maxConnectionsPerAddress: 1000,
    maxNewConnectionsPerSecond: 1000,
    ...options,
  };
  return { time, limits: new ConnectionLimits(all, { ...systemClock, now: () => time.now }) };
}

describe('ConnectionLimits', () => {
  it('counts all connections', () => {
    const { limits: it } = limits({ maxConnections: 2 });
    expect(it.admit('a')).toBeUndefined();
    expect(it.admit('b')).toBeUndefined();
    expect(it.admit('c')).toMatchObject({ status: 503, headers: ['Retry-After', '5'] });
    it.release('a');
    expect(it.admit('c')).toBeUndefined();
  });

  it('counts connections of an address', () => {
    const { limits: it } = limits({ maxConnectionsPerAddress: 2 });
    it.admit('a');
    it.admit('a');
    expect(it.admit('a')).toMatchObject({ status: 429 });
    expect(it.admit('b')).toBeUndefined();
    it.release('a');
    expect(it.admit('a')).toBeUndefined();
  });

  it('limits the rate of new connections, with a burst of one second', () => {
    const { limits: it, time } = limits({ maxNewConnectionsPerSecond: 10 });
    const admitted = () => {
      let count = 0;
      while (!it.admit('a')) count++;
      return count;
    };
    expect(admitted()).toBe(10);
    expect(it.admit('a')).toMatchObject({ status: 503, headers: ['Retry-After', '1'] });
    time.now = 500;
    expect(admitted()).toBe(5);
    time.now = 60_000;
    expect(admitted()).toBe(10);
  });
});
