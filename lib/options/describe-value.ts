const LONGEST_SHOWN = 60;

/** Shows a value in a message. Only for options whose values are no secrets. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return describeType(value);
  }
}

/** Says what kind of value was given, and never the value itself. */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (isList(value)) {
    return `a list of ${value.length}`;
  }
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty string' : `a string of ${value.length} characters`;
    case 'object':
      return 'an object';
    default:
      return `a ${typeof value}`;
  }
}

export function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
}

/** `Array.isArray` that does not throw for a revoked proxy. */
export function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value) && Number.isInteger(value.length);
  } catch {
    return false;
  }
}
