import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmallestNames } from './smallest-names.js';

it('has the smallest names in order', () => {
  const name = fc.string({ maxLength: 3 });
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.integer({ min: 1, max: 20 }), (names, limit) => {
      const smallest = new SmallestNames(limit);
      for (const each of names) if (smallest.wants(each)) smallest.add(each);
      expect(smallest.sorted).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, limit));
    }),
  );
});
