import process from 'node:process';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, RandomSource, Timer } from '../protocol/clock.js';
import { LoopLoad } from './loop-load.js';
import { deferToEndOfRead, timeOfRead } from './read-turn.js';

/** How busy the event loop is. */
const load = new LoopLoad();

/** The clock of real processes. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (fn, ms): Timer => setTimeout(fn, ms).unref(),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
  defer: (fn, early = false) => {
    if (early && !load.isHigh(performance.now())) process.nextTick(fn);
    else setImmediate(fn);
  },
};

/**
 * The clock of a relay: what a read leads to is sent at its end. On a hub server it is sent a tick later, when
 * the promises of handlers are through that do not wait for anything.
 */
export const relayClock: Clock = {
  ...systemClock,
  now: timeOfRead,
  defer: (fn, early = false) => {
    const waits = !early || load.isHigh(timeOfRead());
    if (waits || !deferToEndOfRead(fn)) systemClock.defer(fn, early);
  },
};

const ID_BYTES = 18;
const FRACTION_BYTES = 6;

/** Randomness of the operating system. Identifiers have 144 bits and are safe in a URL. */
export const systemRandom: RandomSource = {
  id: () => randomBytes(ID_BYTES).toString('base64url'),
  fraction: () => randomBytes(FRACTION_BYTES).readUIntBE(0, FRACTION_BYTES) / 2 ** 48,
};
