/** Checks a decoded value; returns what is wrong with it, or undefined. */
export type FieldCheck = (value: unknown) => string | undefined;

export const text =
  (maxLength: number): FieldCheck =>
  (value) =>
    typeof value === 'string' && value.length <= maxLength
      ? undefined
      : `must be a string of at most ${maxLength} characters`;

/** Text that can stand in a log line. */
export const name =
  (maxLength: number): FieldCheck =>
  (value) =>
    text(maxLength)(value) ??
    (/\p{Cc}/u.test(value as string) ? 'must not contain control characters' : undefined);

export const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): FieldCheck =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be an integer from ${min} to ${max}`;

export const flag: FieldCheck = (value) =>
  typeof value === 'boolean' ? undefined : 'must be true or false';

export const bytes =
  (maxLength: number): FieldCheck =>
  (value) =>
    value instanceof Uint8Array && value.length <= maxLength
      ? undefined
      : `must be at most ${maxLength} bytes`;

export const oneOf =
  (...accepted: string[]): FieldCheck =>
  (value) =>
    accepted.includes(value as string) ? undefined : `must be one of ${accepted.join(', ')}`;

export const optional =
  (check: FieldCheck): FieldCheck =>
  (value) =>
    value === undefined || value === null ? undefined : check(value);

export const list =
  (check: FieldCheck, maxLength: number): FieldCheck =>
  (value) => {
    if (!Array.isArray(value) || value.length > maxLength) {
      return `must be a list of at most ${maxLength} items`;
    }
    for (let i = 0; i < value.length; i++) {
      const fault = check(value[i]);
      if (fault) return `item ${i} ${fault}`;
    }
    return undefined;
  };

export const record =
  (fields: Record<string, FieldCheck>): FieldCheck =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a map';
    for (const [name, check] of Object.entries(fields)) {
      const fault = check((value as Record<string, unknown>)[name]);
      if (fault) return `field "${name}" ${fault}`;
    }
    return undefined;
  };
