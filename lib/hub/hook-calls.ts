import type { Clock, Timer } from '../protocol/clock.js';

/** Waits for `work`, but no longer than the limit. @returns whether it ended in time */
export async function endsWithin(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<boolean> {
  let timer: Timer;
  const limit = new Promise<false>((resolve) => {
    timer = clock.setTimer(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    clock.clearTimer(timer);
  }
}

/** Calls hooks one after the other; one that throws does not keep the others from being called. */
export async function callAll(
  hooks: readonly (() => unknown)[],
  failed: (error: unknown) => void,
): Promise<void> {
  for (const hook of hooks) {
    try {
      await hook();
    } catch (error) {
      failed(error);
    }
  }
}
