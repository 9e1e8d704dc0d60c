/** Work is begun this often, in milliseconds; the rate decides how much each time. */
export const PACE_MS = 20;
/** Part of the time until the deadline in which all work should have been begun. */
export const USABLE = 0.7;

/** Spreads work over time: at a rate, or faster when the deadline asks for it. */
export class Pacer {
  private credit = 0;

  /** @param perSecond how much may be begun per second */
  constructor(private readonly perSecond: number) {}

  /** To be called every {@link PACE_MS} while there is work: how much is waiting, how long there is for it. */
  refill(waiting: number, leftMs: number): void {
    const seconds = Math.max(PACE_MS, leftMs * USABLE) / 1000;
    const share = Math.max(this.perSecond, waiting / seconds) * (PACE_MS / 1000);
    this.credit = Math.min(this.credit + share, Math.max(1, share));
  }

  /** Whether one more may be begun now. */
  get allows(): boolean {
    return this.credit >= 1;
  }

  /** One was begun. */
  spend(): void {
    this.credit--;
  }
}
