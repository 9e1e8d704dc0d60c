type Method = (this: never, ...args: never[]) => unknown;

/** Replaces a method of a class, private ones too. @returns puts the original back */
export function mutate<T extends object>(
  prototype: T,
  name: string,
  replace: (
    original: (self: T, ...args: unknown[]) => unknown,
  ) => (self: T, ...args: unknown[]) => unknown,
): () => void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name];
  if (typeof original !== 'function') throw new Error(`there is no method ${name}`);
  const replacement = replace((self, ...args) => original.apply(self as never, args as never[]));
  methods[name] = function mutated(this: T, ...args: unknown[]) {
    return replacement(this, ...args);
  } as Method;
  return () => {
    methods[name] = original;
  };
}

/** Counts calls; true for each `n`th. */
export function every(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}

/** Instead of a method: nothing happens. */
export const nothing = () => () => undefined;
