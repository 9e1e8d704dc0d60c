import type { HubLink } from '../protocol/hub-link.js';
import type { StoredContexts } from './stored-contexts.js';

/** Who waits for what was written. */
export interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Below every number. */
const NOTHING = -1;

/** What waits for one save: messages to be acknowledged, and the application. */
interface Round {
  numbers: number[];
  readonly waiters: Waiter[];
}

/**
 * One connection's way to the storage: one save at a time, always of the latest context. Messages are
 * acknowledged behind it; when it fails, what the relay has is enough for that.
 */
export class StorageLane {
  private latest: { readonly sequence: number; readonly context: Uint8Array } | undefined;
  private storedSequence = NOTHING;
  private waiting: Round | undefined;
  private saved: Round | undefined;
  private over = false;
  /** When the lease began, on the clock of the storage. */
  leasedAt = -Infinity;

  constructor(
    readonly link: HubLink,
    private readonly stored: StoredContexts,
  ) {
    stored.keep(this);
  }

  /** Whether the storage lacks the latest context. */
  get isBehind(): boolean {
    return this.latest !== undefined && this.latest.sequence > this.storedSequence;
  }

  /** The context that the storage is to have. */
  set(sequence: number, context: Uint8Array): void {
    this.latest = { sequence, context };
  }

  /** The storage has this context, which an arrival claimed. */
  has(sequence: number): void {
    this.storedSequence = sequence;
    this.leasedAt = this.stored.now();
  }

  /** Acknowledges messages and tells the waiter once the storage has the latest context. */
  add(numbers: readonly number[], waiter: Waiter | undefined): void {
    const round = (this.waiting ??= { numbers: [], waiters: [] });
    for (const number of numbers) round.numbers.push(number);
    if (waiter) round.waiters.push(waiter);
    if (!this.saved) this.next();
  }

  /** Saves what the storage lacks, or prolongs the lease. */
  async refresh(): Promise<void> {
    if (this.saved || this.over) return;
    const renewed = this.latest && !this.isBehind && (await this.stored.renew(this.link));
    if (renewed) this.leasedAt = this.stored.now();
    else if (this.latest && !this.saved) await this.save({ numbers: [], waiters: [] });
  }

  /** Another server may have written to the storage. */
  saveAgain(): void {
    this.storedSequence = NOTHING;
    if (this.latest) this.add([], undefined);
  }

  /** The connection leaves with what the relay has: acknowledgements wait for nothing else. */
  letGo(): void {
    for (const round of [this.saved, this.waiting]) {
      if (round) this.acknowledge(round);
    }
  }

  /** The connection is not this server's any more. @param moved whether it lives on elsewhere */
  end(moved: boolean): void {
    this.over = true;
    this.stored.drop(this);
    if (!moved && this.latest) this.stored.remove(this.link);
  }

  private next() {
    const round = this.waiting;
    if (!round) return;
    this.waiting = undefined;
    if (this.isBehind && !this.over) void this.save(round);
    else this.settle(round);
  }

  private async save(round: Round) {
    this.saved = round;
    const { sequence, context } = this.latest!;
    let error: Error | undefined;
    try {
      await this.stored.save(this.link, sequence, context);
      this.has(sequence);
    } catch (fault) {
      error = fault as Error;
    }
    this.saved = undefined;
    this.settle(round, error);
    this.next();
  }

  private settle(round: Round, error?: Error) {
    this.acknowledge(round);
    for (const waiter of round.waiters) {
      if (error) waiter.reject(error);
      else waiter.resolve();
    }
  }

  private acknowledge(round: Round) {
    const { numbers } = round;
    round.numbers = [];
    for (const number of numbers) this.link.acknowledge(number);
  }
}
