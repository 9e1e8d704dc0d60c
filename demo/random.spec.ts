import { describe, expect, it } from 'vitest';
import { planMessage, seededRandom } from './random.js';

function plans(seed: number, rate = 5) {
  const random = seededRandom(seed);
  return Array.from({ length: 4000 }, () => planMessage(random, rate));
}

describe('planMessage', () => {
  it('is the same for the same seed only', () => {
    expect(plans(1)).toEqual(plans(1));
    expect(plans(1)).not.toEqual(plans(2));
  });

  it('keeps the rate on average', () => {
    const list = plans(3, 10);
    const mean = list.reduce((sum, { delayMs }) => sum + delayMs, 0) / list.length;
    expect(mean).toBeGreaterThan(95);
    expect(mean).toBeLessThan(105);
  });

  it('has small messages, large ones up to 100 KiB, and cut ones', () => {
    const list = plans(4);
    const large = list.filter(({ size }) => size >= 10 * 1024);
    expect(large.length).toBeGreaterThan(50);
    expect(large.length).toBeLessThan(200);
    expect(Math.max(...large.map(({ size }) => size))).toBeLessThan(100 * 1024);
    expect(list.filter(({ fragments }) => fragments > 1).length).toBeGreaterThan(150);
  });
});
