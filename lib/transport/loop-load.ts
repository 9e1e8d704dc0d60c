import { performance } from 'node:perf_hooks';
import type { EventLoopUtilization } from 'node:perf_hooks';

/** Time between two looks at the event loop, in milliseconds. */
const INTERVAL_MS = 20;
/** Share of the time above which the event loop is busy: then callbacks pile up in its turns. */
const HIGH = 0.6;

/** Whether the event loop has much to do. Costs nothing while nobody asks. */
export class LoopLoad {
  private lookedAt = -Infinity;
  private before: EventLoopUtilization | undefined;
  private high = false;

  constructor(private readonly look = performance.eventLoopUtilization.bind(performance)) {}

  /** @param now monotonic time in milliseconds */
  isHigh(now: number): boolean {
    if (now - this.lookedAt < INTERVAL_MS) return this.high;
    this.lookedAt = now;
    const present = this.look();
    this.high = this.before !== undefined && this.look(present, this.before).utilization > HIGH;
    this.before = present;
    return this.high;
  }
}
