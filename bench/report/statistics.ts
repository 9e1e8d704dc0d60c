/** Median of several runs with the least and the greatest. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws {RangeError} for no value, or one that is not a number */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError(`no spread of [${values.join(', ')}]`);
  }
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/**
 * Ratios of the runs to the base of the same run. What else the machine did at the time slowed both,
 * so this varies less than the ratio of two medians.
 */
export function ratiosTo(base: readonly number[], values: readonly number[]): Spread {
  if (base.length !== values.length) {
    throw new RangeError(`${values.length} runs against ${base.length} of the base`);
  }
  return spreadOf(values.map((value, run) => value / base[run]!));
}
