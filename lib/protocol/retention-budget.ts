/** One that waits until the budget has room again. */
export interface BudgetWaiter {
  relieve(): void;
}

/** Bytes that all links of a process may retain together. */
export class RetentionBudget {
  private readonly waiters = new Set<BudgetWaiter>();
  /** Bytes retained now. */
  used = 0;

  constructor(readonly limit: number) {}

  get exceeded(): boolean {
    return this.used > this.limit;
  }

  add(bytes: number): void {
    this.used += bytes;
  }

  remove(bytes: number): void {
    this.used -= bytes;
    if (this.waiters.size === 0 || this.exceeded) return;
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const waiter of waiters) waiter.relieve();
  }

  /** Has the waiter relieved once the budget is no longer exceeded. */
  wait(waiter: BudgetWaiter): void {
    this.waiters.add(waiter);
  }

  leave(waiter: BudgetWaiter): void {
    this.waiters.delete(waiter);
  }
}
