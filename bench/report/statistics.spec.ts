import { describe, expect, it } from 'vitest';
import { ratiosTo, spreadOf } from './statistics.js';

describe('spreadOf', () => {
  it('takes the middle of an odd number of values, in whatever order', () => {
    expect(spreadOf([30, 100, 9])).toEqual({ median: 30, min: 9, max: 100 });
  });

  it('takes the mean of the middle two of an even number', () => {
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  it('has one value stand for itself', () => {
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('leaves the given values as they are', () => {
    const values = [3, 1, 2];
    spreadOf(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it.each([[[]], [[1, NaN]], [[Infinity]]])('refuses %j', (values) => {
    expect(() => spreadOf(values)).toThrow(RangeError);
  });
});

describe('ratiosTo', () => {
  it('compares each run with the base of the same run', () => {
    expect(ratiosTo([100, 50, 200], [150, 100, 200])).toEqual({ median: 1.5, min: 1, max: 2 });
  });

  it('refuses runs without a base', () => {
    expect(() => ratiosTo([1], [1, 2])).toThrow('2 runs against 1 of the base');
  });

  it('refuses a base of nothing', () => {
    expect(() => ratiosTo([0], [1])).toThrow(RangeError);
  });
});
