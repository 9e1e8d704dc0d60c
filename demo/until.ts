import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 20;

/** Waits for a condition; false when it does not hold within the limit. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      return false;
    }
    await sleep(EVERY_MS);
  }
  return true;
}
