/** A handle of {@link Clock.setTimer}; opaque. */
export type Timer = unknown;

/**
 * Everything the protocol core knows of time. Real processes pass the system's clock, simulations
 * pass a seeded one.
 */
export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds. */
  setTimer(fn: () => void, ms: number): Timer;
  clearTimer(timer: Timer): void;
  /**
   * Calls `fn` once at the end of the present turn: what one turn produced leaves together.
   * @param early whether it may be called as soon as the present callback is through while there is
   *   little to do: then nothing else would come that could leave together with it
   */
  defer(fn: () => void, early?: boolean): void;
}

/** The source of everything random. */
export interface RandomSource {
  /** A new identifier, unguessable and unique over all processes. */
  id(): string;
  /** A number in [0, 1). */
  fraction(): number;
}
