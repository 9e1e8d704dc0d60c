import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { RetentionBudget } from './retention-budget.js';
import { Retention, payloadBytes } from './retention.js';

const spy = () => vi.fn<(...args: unknown[]) => void>();

describe('Retention', () => {
  it('agrees with a list of messages, whatever is acknowledged', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ count: fc.nat(40), first: fc.nat(40), length: fc.nat(5) }),
      fc.record({ truncate: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.nat(10), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const retention = new Retention(start);
        const model = new Map<number, { bytes: number; ends: number }>();
        const all: { bytes: number; ends: number }[] = [];
        const returned: [actual: number, expected: number][] = [];
        let last = start;
        let acknowledged = start;
        for (const it of steps) {
          if ('push' in it) {
            const item = { bytes: it.push, ends: 0 };
            all.push(item);
            model.set(++last, item);
            returned.push([retention.push('', false, it.push, () => item.ends++), last]);
          } else if ('truncate' in it) {
            const from = Math.max(it.truncate, acknowledged);
            for (; last > from; last--) model.delete(last);
            retention.truncate(from, new Error('truncated'));
          } else {
            const top = Math.max(it.first, it.count);
            let bytes = 0;
            for (const [number, item] of model) {
              const inRange = number >= top && number <= top + it.length;
              if (number > it.count && !inRange) continue;
              bytes += item.bytes;
              model.delete(number);
            }
            acknowledged = Math.max(acknowledged, Math.min(it.count, last));
            returned.push([retention.release(it.count, [top, top + it.length]), bytes]);
          }
          const retained = [...model.values()];
          for (const [actual, expected] of returned) expect(actual).toBe(expected);
          expect(retention.messages).toBe(model.size);
          expect(retention.bytes).toBe(retained.reduce((sum, { bytes }) => sum + bytes, 0));
          expect(retention.last).toBe(last);
          for (const item of all) expect(item.ends).toBe(retained.includes(item) ? 0 : 1);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives the callbacks of what it forgets the error', () => {
    const retention = new Retention();
    const [first, second] = [spy(), spy()];
    retention.push('', false, 1, first);
    retention.push('', false, 2, second);
    retention.release(1);
    const error = new Error('gone');
    retention.clear(error);
    expect(first.mock.calls).toEqual([[]]);
    expect(second.mock.calls).toEqual([[error]]);
    expect([retention.bytes, retention.messages, retention.acknowledged]).toEqual([0, 0, 2]);
  });

  it('counts what left, not what a callback pushed meanwhile', () => {
    const retention = new Retention();
    retention.push('', false, 5, () => retention.push('', false, 7));
    expect(retention.release(1)).toBe(5);
    expect(retention.bytes).toBe(7);
  });

  it('counts bytes as they are on the wire', () => {
    expect(payloadBytes('aé€')).toBe(6);
    expect(payloadBytes(Buffer.alloc(9))).toBe(9);
  });
});

describe('RetentionBudget', () => {
  it('relieves who waits, once, when there is room again', () => {
    const budget = new RetentionBudget(10);
    const waiter = { relieve: spy() };
    const gone = { relieve: spy() };
    budget.add(15);
    expect(budget.exceeded).toBe(true);
    budget.wait(waiter);
    budget.wait(gone);
    budget.leave(gone);
    budget.remove(4);
    expect(waiter.relieve).not.toHaveBeenCalled();
    budget.remove(1);
    budget.remove(1);
    expect(waiter.relieve).toHaveBeenCalledTimes(1);
    expect(gone.relieve).not.toHaveBeenCalled();
    expect(budget.used).toBe(9);
  });

  it('lets a waiter wait again while it is relieved', () => {
    const budget = new RetentionBudget(10);
    let relieved = 0;
    const waiter = {
      relieve: () => {
        if (++relieved === 1) {
          budget.add(20);
          budget.wait(waiter);
        }
      },
    };
    budget.add(11);
    budget.wait(waiter);
    budget.remove(1);
    budget.remove(20);
    expect(relieved).toBe(2);
  });
});
