import { Completions } from './completions.js';

/** How far a hub server got with what a client sent: received, handed to the handlers, complete. */
export class InboundProgress {
  /** Messages received, those acknowledged by another server before included. */
  received: number;
  private handedOver: number;
  private inFlight = 0;
  private readonly completions: Completions;
  /** Where numbers are skipped: after this many received messages, how many. */
  private skips: { after: number; count: number }[] | undefined;

  /** @param start number of the last message before the first that will be received */
  constructor(start: number) {
    this.received = this.handedOver = start;
    this.completions = new Completions(start);
  }

  /** Whether no handler is at work. */
  get idle(): boolean {
    return this.inFlight === 0;
  }

  /** Number up to which all is complete. */
  get complete(): number {
    return this.completions.count;
  }

  /** What is complete above that: first and last number of each range. */
  get ranges(): readonly number[] {
    return this.completions.ranges;
  }

  /** The ranges that became complete since this was last asked. */
  takeFresh(): readonly number[] {
    return this.completions.takeFresh();
  }

  /** The next numbers do not come: another server acknowledged them. */
  skip(count: number): void {
    (this.skips ??= []).push({ after: this.received, count });
    this.received += count;
    this.applySkips();
  }

  /** A message goes to its handlers. @returns its number */
  handOver(): number {
    this.inFlight++;
    if (this.skips) this.applySkips();
    return ++this.handedOver;
  }

  /** The handlers of a message are done. */
  handled(): void {
    this.inFlight--;
  }

  /** A handler that had stopped is at work again. */
  resumed(): void {
    this.inFlight++;
  }

  /** A message may be acknowledged. */
  markComplete(number: number): void {
    this.completions.complete(number);
  }

  /** Numbers that another server acknowledged count as complete once their turn has come. */
  private applySkips() {
    const skips = this.skips!;
    while (skips[0]?.after === this.handedOver) {
      const { count } = skips.shift()!;
      for (let i = 0; i < count; i++) this.completions.complete(++this.handedOver);
    }
    if (skips.length === 0) this.skips = undefined;
  }
}
