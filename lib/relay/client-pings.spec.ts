import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import { ClientPings } from './client-pings.js';

function setUp(intervalMs: number, clients: number) {
  const clock = new VirtualClock();
  const pings = new ClientPings(intervalMs, clock);
  const pinged: number[] = Array.from({ length: clients }, () => 0);
  const groups = pinged.map((_, i) => {
    const client = { keepAlive: () => void pinged[i]!++ };
    return { client, group: pings.add(client) };
  });
  pings.start();
  return { clock, pings, pinged, groups };
}

describe('ClientPings', () => {
  it.each([30_000, 1000, 100, 20])('pings each client once per interval of %i ms', (intervalMs) => {
    const { clock, pings, pinged } = setUp(intervalMs, 700);
    for (let turn = 1; turn <= 3; turn++) {
      clock.run(intervalMs);
      expect(new Set(pinged)).toEqual(new Set([turn]));
    }
    pings.stop();
  });

  it('spreads the pings over the interval', () => {
    const { clock, pings, pinged } = setUp(30_000, 3000);
    let before = 0;
    for (let turn = 0; turn < 300; turn++) {
      clock.run(100);
      const sum = pinged.reduce((a, b) => a + b, 0);
      expect(sum - before).toBeLessThanOrEqual(20);
      before = sum;
    }
    expect(before).toBe(3000);
    pings.stop();
  });

  it('keeps its interval when each timer is late', () => {
    const clock = new VirtualClock();
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (fn, ms) => setTimer(fn, ms + 20);
    const pings = new ClientPings(30_000, clock);
    const at: number[] = [];
    pings.add({ keepAlive: () => at.push(clock.now()) });
    pings.start();
    clock.run(300_050);
    expect(at).toHaveLength(10);
    pings.stop();
  });

  it('leaves out clients that are gone, and stops twice', () => {
    const { clock, pings, pinged, groups } = setUp(1000, 10);
    groups[3]!.group.delete(groups[3]!.client);
    clock.run(1000);
    expect(pinged).toEqual([1, 1, 1, 0, 1, 1, 1, 1, 1, 1]);
    pings.stop();
    pings.stop();
    clock.run(5000);
    expect(pinged[0]).toBe(1);
  });

  it('pings nobody with an interval of 0', () => {
    const { clock, pinged } = setUp(0, 3);
    clock.run(100_000);
    expect(pinged).toEqual([0, 0, 0]);
  });
});
