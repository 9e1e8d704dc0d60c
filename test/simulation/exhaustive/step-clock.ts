import type { Clock, Timer } from '../../../lib/protocol/clock.js';

/** Timers that are set for longer never fire: keep-alive, say. */
export const HORIZON_MS = 600_000;

/** One timer of one process. */
export class StepTimer {
  over = false;
  private known: string | undefined;

  constructor(
    readonly owner: ProcessClock,
    readonly at: number,
    readonly fn: () => void,
  ) {}

  /** What it does, as far as that can be told from outside. */
  get text(): string {
    return (this.known ??= String(this.fn));
  }
}

/** Time that passes only when it is told to, for several processes. */
export class StepClock {
  time = 0;
  timers: StepTimer[] = [];

  /** The timer that is due next, none of those that never fire. */
  next(): StepTimer | undefined {
    let next: StepTimer | undefined;
    for (const timer of this.timers) {
      const soon = timer.at - this.time < HORIZON_MS;
      if (soon && !timer.owner.stopped && (!next || timer.at < next.at)) next = timer;
    }
    return next;
  }

  /** Times in the future at which something is due. */
  dates(): number[] {
    const dates = new Set<number>();
    for (const { at, owner } of this.timers) {
      if (at > this.time && at - this.time < HORIZON_MS && !owner.stopped) dates.add(at);
    }
    return [...dates].sort((a, b) => a - b);
  }
}

/** The clock of one process. What it defers runs at the end of its turn. */
export class ProcessClock implements Clock {
  /** Frozen or dead: nothing of it happens. */
  stopped = false;
  private deferred: (() => void)[] = [];

  constructor(private readonly clock: StepClock) {}

  now(): number {
    return this.clock.time;
  }

  setTimer(fn: () => void, ms: number): Timer {
    if (!(ms >= 0)) throw new Error(`a timer of ${ms} ms`);
    const timer = new StepTimer(this, this.clock.time + ms, fn);
    this.clock.timers.push(timer);
    return timer;
  }

  clearTimer(timer: Timer): void {
    const { clock } = this;
    if (!(timer instanceof StepTimer) || timer.over) return;
    timer.over = true;
    clock.timers = clock.timers.filter((it) => it !== timer);
  }

  defer(fn: () => void): void {
    this.deferred.push(fn);
  }

  /** Whether something waits for the end of the turn. */
  get hasDeferred(): boolean {
    return this.deferred.length > 0;
  }

  endTurn(): void {
    while (this.deferred.length > 0) {
      const { deferred } = this;
      this.deferred = [];
      for (const fn of deferred) fn();
    }
  }

  /** The first timer of this process whose time has come. */
  due(): StepTimer | undefined {
    let due: StepTimer | undefined;
    for (const timer of this.clock.timers) {
      if (timer.owner !== this || timer.at > this.clock.time) continue;
      if (!due || timer.at < due.at) due = timer;
    }
    return due;
  }

  fire(timer: StepTimer): void {
    this.clearTimer(timer);
    timer.fn();
  }

  /** The process is dead: nothing is left of it. */
  clear(): void {
    this.deferred = [];
    for (const timer of this.clock.timers) if (timer.owner === this) this.clearTimer(timer);
  }
}
