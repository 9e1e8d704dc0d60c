/** The ranges of connections whose messages complete in order: usually all. */
const NONE: number[] = [];

/** Adds a number to ranges (first, last, …; ascending), joining what touches. */
function addTo(ranges: number[], number: number): void {
  let at = ranges.length;
  while (at > 0 && ranges[at - 2]! > number) at -= 2;
  const joinsBelow = at > 0 && ranges[at - 1] === number - 1;
  const joinsAbove = ranges[at] === number + 1;
  if (joinsBelow && joinsAbove) ranges.splice(at - 1, 2);
  else if (joinsBelow) ranges[at - 1] = number;
  else if (joinsAbove) ranges[at] = number;
  else ranges.splice(at, 0, number, number);
}

/**
 * Which messages of a link are complete. Handlers run at the same time, so messages complete in any
 * order, and one that never completes (a subscription) must not keep the others from being
 * acknowledged.
 */
export class Completions {
  private above = NONE;
  private fresh = NONE;

  /** @param count messages complete without a gap; at first those from before this link began */
  constructor(public count: number) {}

  /** Everything above the gap that is complete: first and last number of each range, as of now. */
  get ranges(): readonly number[] {
    return [...this.above];
  }

  complete(number: number): void {
    if (number !== this.count + 1) {
      if (this.above === NONE) this.above = [];
      if (this.fresh === NONE) this.fresh = [];
      addTo(this.above, number);
      addTo(this.fresh, number);
      return;
    }
    this.count = number;
    if (this.above.length > 0 && this.above[0] === number + 1) {
      this.count = this.above.splice(0, 2)[1]!;
    }
  }

  /** The ranges above the gap that became complete since this was last asked. */
  takeFresh(): readonly number[] {
    const { fresh } = this;
    if (fresh.length === 0) return fresh;
    this.fresh = NONE;
    const first = fresh.findIndex((last, i) => i % 2 === 1 && last > this.count);
    return first < 0 ? [] : fresh.slice(first - 1);
  }
}
