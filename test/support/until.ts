import { vi } from 'vitest';

const LIMIT_MS = 15_000;

vi.setConfig({ testTimeout: 2 * LIMIT_MS, hookTimeout: 2 * LIMIT_MS });

/** Waits for a condition: until `check` throws no more. The limit is generous, machines are slow. */
export function until<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: LIMIT_MS, interval: 10 });
}
