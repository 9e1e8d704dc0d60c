import type { Clock, Timer } from '../../lib/protocol/clock.js';

interface Entry {
  at: number;
  order: number;
  fn: () => void;
  cancelled: boolean;
}

const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * Time that passes only from event to event. What is set by {@link setTimer} belongs to the core
 * and is counted; what is set by {@link after} belongs to the world around it.
 */
export class VirtualClock implements Clock {
  /** Timers of the core that are running. */
  readonly timers = new Set<Timer>();
  /** Events so far. */
  events = 0;
  private time = 0;
  private order = 0;
  private readonly heap: Entry[] = [];
  private deferred: (() => void)[] = [];

  constructor(private readonly maxEvents = 300_000) {}

  now(): number {
    return this.time;
  }

  setTimer(fn: () => void, ms: number): Timer {
    const entry = this.push(() => {
      this.timers.delete(entry);
      fn();
    }, ms);
    this.timers.add(entry);
    return entry;
  }

  clearTimer(timer: Timer): void {
    if (!timer) return;
    (timer as Entry).cancelled = true;
    this.timers.delete(timer);
  }

  defer(fn: () => void): void {
    this.deferred.push(fn);
  }

  after(ms: number, fn: () => void): void {
    this.push(fn, ms);
  }

  /** Runs everything that is due within this time. */
  run(ms: number): void {
    const end = this.time + ms;
    for (let next = this.heap[0]; next && next.at <= end; next = this.heap[0]) {
      this.pop();
      if (next.cancelled) continue;
      if (++this.events > this.maxEvents) throw new Error('the schedule does not come to rest');
      this.time = next.at;
      next.fn();
      this.endTurn();
    }
    this.time = end;
  }

  private endTurn() {
    while (this.deferred.length > 0) {
      const { deferred } = this;
      this.deferred = [];
      for (const fn of deferred) fn();
    }
  }

  private push(fn: () => void, ms: number): Entry {
    if (!(ms >= 0)) throw new Error(`a timer of ${ms} ms`);
    const entry = { at: this.time + ms, order: this.order++, fn, cancelled: false };
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
    return entry;
  }

  private pop() {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
