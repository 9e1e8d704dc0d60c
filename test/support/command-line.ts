/** A wrong option on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} for what is not a number in the range */
export function inRange(name: string, value: string, least: number, most: number): number {
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`--${name} must be a number from ${least} to ${most}, not "${value}"`);
  }
  return number;
}

/** @throws {UsageError} for what is not a whole number in the range */
export function integer(name: string, value: string, least: number, most: number): number {
  const number = inRange(name, value, least, most);
  if (!Number.isInteger(number)) {
    throw new UsageError(`--${name} must be a whole number, not "${value}"`);
  }
  return number;
}

/** @throws {UsageError} for what is not accepted */
export function oneOf<T extends string>(name: string, value: string, accepted: readonly T[]): T {
  const found = accepted.find((candidate) => candidate === value);
  if (!found) {
    throw new UsageError(`--${name} must be one of ${accepted.join(', ')}, not "${value}"`);
  }
  return found;
}
