import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { deferToEndOfRead, readTurn, timeOfRead } from './read-turn.js';

const BYTES = Buffer.from('abc');
const read = (readBytes: (bytes: Uint8Array, length: number) => void) =>
  readTurn({ readBytes }, BYTES, 2);

it('calls what a read defers right behind it, also what that defers', async () => {
  const calls: unknown[] = [];
  process.nextTick(() => calls.push('tick'));
  read((bytes, length) => {
    deferToEndOfRead(() => {
      calls.push('first');
      deferToEndOfRead(() => calls.push('third'));
    });
    deferToEndOfRead(() => calls.push('second'));
    calls.push(bytes, length);
  });
  expect(calls).toEqual([BYTES, 2, 'first', 'second', 'third']);
  expect(deferToEndOfRead(() => calls.push('outside'))).toBe(false);
  read(() => {});
  await nextTurn();
  expect(calls.slice(5)).toEqual(['tick']);
});

it('calls the rest after a fault, in the read or in what it deferred', async () => {
  const calls: string[] = [];
  const fail = () => {
    throw new Error('fault');
  };
  const failing = (...all: (() => void)[]) =>
    read(() => all.forEach((fn) => (fn === fail ? fail() : deferToEndOfRead(fn))));
  expect(() => failing(() => calls.push('read'), fail)).toThrow('fault');
  const wrapped = () => fail();
  expect(() =>
    failing(
      () => calls.push('before'),
      wrapped,
      () => calls.push('behind'),
    ),
  ).toThrow('fault');
  expect(calls).toEqual(['before']);
  await nextTurn();
  expect(calls).toEqual(['before', 'read', 'behind']);
  read(() => expect(deferToEndOfRead(() => calls.push('next'))).toBe(true));
  expect(calls.at(-1)).toBe('next');
});

it('has one time for a read', () => {
  const until = (ms: number) => {
    while (performance.now() < ms);
  };
  const before = timeOfRead();
  read(() => {
    const time = timeOfRead();
    expect(time).toBeGreaterThanOrEqual(before);
    until(performance.now() + 2);
    expect(timeOfRead()).toBe(time);
    deferToEndOfRead(() => expect(timeOfRead()).toBe(time));
  });
  expect(timeOfRead()).toBeGreaterThanOrEqual(before + 2);
});
