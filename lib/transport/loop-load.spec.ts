import type { EventLoopUtilization } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { LoopLoad } from './loop-load.js';

it('looks at the event loop every 20 ms at most, and tells whether it was busy since', () => {
  const active = [0, 13, 25, 26];
  let looks = 0;
  const look = (one?: EventLoopUtilization, two?: EventLoopUtilization) => {
    if (!one || !two) return { active: active[looks++]!, idle: 0, utilization: 0 };
    return { active: 0, idle: 0, utilization: (one.active - two.active) / 20 };
  };
  const load = new LoopLoad(look as never);
  const seen = [1000, 1019, 1020, 1039, 1040, 1059, 1060].map((now) => load.isHigh(now));
  expect(seen).toEqual([false, false, true, true, false, false, false]);
  expect(looks).toBe(4);
});
