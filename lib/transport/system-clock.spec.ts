import { describe, expect, it } from 'vitest';
import { readTurn, timeOfRead } from './read-turn.js';
import { relayClock, systemClock, systemRandom } from './system-clock.js';

describe('systemClock', () => {
  it('calls timers, but not those that were cleared', async () => {
    const calls: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.clearTimer(systemClock.setTimer(() => calls.push('cleared'), 1));
      systemClock.setTimer(() => calls.push('first'), 1);
      systemClock.setTimer(resolve, 5);
    });
    systemClock.clearTimer(undefined);
    expect(calls).toEqual(['first']);
  });

  it('defers to the end of the turn', async () => {
    const calls: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.defer(() => {
        calls.push('deferred');
        resolve();
      });
      process.nextTick(() => calls.push('same turn'));
    });
    expect(calls).toEqual(['same turn', 'deferred']);
  });
});

it.each([
  ['a relay at the end of a read', relayClock, ['read', 'early', 'tick', 'turn', 'outside']],
  ['a hub server in a tick', systemClock, ['read', 'tick', 'early', 'turn', 'outside']],
])('what may leave early leaves %s', async (_, clock, order) => {
  const calls: string[] = [];
  const readBytes = () => {
    process.nextTick(() => calls.push('tick'));
    clock.defer(() => calls.push('turn'));
    clock.defer(() => calls.push('early'), true);
    calls.push('read');
  };
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      readTurn({ readBytes }, Buffer.alloc(0), 0);
      setImmediate(() => {
        clock.defer(() => resolve(void calls.push('outside')), true);
      });
    });
  });
  expect(calls).toEqual(order);
});

it("stands still during a read, if it is a relay's", () => {
  const readBytes = () => expect(relayClock.now()).toBe(timeOfRead());
  readTurn({ readBytes }, Buffer.alloc(0), 0);
});

describe('systemRandom', () => {
  it('gives identifiers of at least 128 bits that are safe in a URL', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => systemRandom.id()));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{22,}$/);
  });

  it('gives fractions', () => {
    for (let i = 0; i < 1000; i++) {
      const fraction = systemRandom.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});
