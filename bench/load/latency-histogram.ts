/** Bits of precision: a value is known to within 1/128. */
const PRECISION = 7;
const STEPS = 1 << PRECISION;

/** Number of a bucket and how many values fell into it; only those that have any. */
export type Buckets = readonly (readonly [bucket: number, count: number])[];

/** The bucket of a whole number; `bucket_of` in histogram.h is the same. */
export function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const shift = Math.floor(Math.log2(value)) - PRECISION;
  return (shift + 1) * STEPS + (Math.floor(value / 2 ** shift) - STEPS);
}

/** The middle of the values that fall into a bucket. */
export function valueOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return ((bucket % STEPS) + STEPS + 0.5) * 2 ** shift - 0.5;
}

/** What several histograms have counted. */
export function mergeBuckets(all: readonly Buckets[]): Buckets {
  const counts = new Map<number, number>();
  for (const [bucket, count] of all.flat()) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  return inOrder(counts);
}

const inOrder = (counts: ReadonlyMap<number, number>): Buckets =>
  [...counts].sort(([a], [b]) => a - b);

/** Counts whole numbers, such as nanoseconds, in buckets whose width grows with the value. */
export class LatencyHistogram {
  private readonly counts = new Map<number, number>();

  static from(buckets: Buckets): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [bucket, count] of buckets) histogram.counts.set(bucket, count);
    return histogram;
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  record(value: number): void {
    const bucket = bucketOf(value);
    this.counts.set(bucket, (this.counts.get(bucket) ?? 0) + 1);
  }

  /**
   * The least value that this share of all values does not exceed.
   * @throws {RangeError} when there are no values
   */
  percentile(share: number): number {
    let left = Math.ceil(this.total * share);
    for (const [bucket, count] of this.buckets()) {
      left -= count;
      if (left <= 0) return valueOf(bucket);
    }
    throw new RangeError('there is no latency');
  }

  buckets(): Buckets {
    return inOrder(this.counts);
  }
}
