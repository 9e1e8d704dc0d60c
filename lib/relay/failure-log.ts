import type { Clock } from '../protocol/clock.js';
import type { RelayLog } from './relay-log.js';

const WINDOW_MS = 60_000;
const MAX_LINES = 100;

/**
 * Warns of faults of strangers: once a minute for each address, at most 100 lines a minute in all,
 * so that nobody can flood the log.
 */
export class FailureLog {
  private readonly seen = new Set<string>();
  private windowEnd = -Infinity;
  private suppressed = 0;

  constructor(
    private readonly log: RelayLog,
    private readonly clock: Clock,
  ) {}

  warn(address: string, message: string): void {
    const now = this.clock.now();
    if (now >= this.windowEnd) this.startWindow(now);
    if (this.seen.has(address) || this.seen.size >= MAX_LINES) {
      this.suppressed++;
      return;
    }
    this.seen.add(address);
    this.log.warn(`${message} (from ${address})`);
  }

  private startWindow(now: number) {
    if (this.suppressed > 0) this.log.warn(`${this.suppressed} more of these were not logged`);
    this.suppressed = 0;
    this.seen.clear();
    this.windowEnd = now + WINDOW_MS;
  }
}
