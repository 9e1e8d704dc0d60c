import type { Payload } from './messages.js';

/** A message kept until its receiver acknowledged it. */
export interface Retained {
  data: Payload;
  binary: boolean;
  bytes: number;
  /** Called with nothing once acknowledged, with an error when it never will be. */
  done?: ((error?: Error) => void) | undefined;
}

/** Bytes a payload takes on the wire. */
export const payloadBytes = (data: string | Uint8Array): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : data.length;

/**
 * The retained messages of one direction of one link, numbered from 1 by counting. Acknowledged
 * messages leave, also from the middle, and cost nothing from then on.
 */
export class Retention {
  private readonly entries = new Map<number, Retained>();
  private pushed: number;
  private released: number;
  /** Bytes retained. */
  bytes = 0;

  /** @param start number of the last message before the first that will be pushed */
  constructor(start = 0) {
    this.pushed = start;
    this.released = start;
  }

  /** Messages retained. */
  get messages(): number {
    return this.entries.size;
  }

  /** Number of the last message that was pushed. */
  get last(): number {
    return this.pushed;
  }

  /** Number up to which all is acknowledged. */
  get acknowledged(): number {
    return this.released;
  }

  push(entry: Retained): number {
    this.entries.set(++this.pushed, entry);
    this.bytes += entry.bytes;
    return this.pushed;
  }

  /** The retained message with this number, or undefined when it was acknowledged. */
  at(number: number): Retained | undefined {
    return this.entries.get(number);
  }

  /**
   * Acknowledges all messages up to `count` and those in `ranges` (first, last, …).
   * @returns the bytes that left; callbacks may have pushed others meanwhile
   */
  release(count: number, ranges: readonly number[] = []): number {
    let left = 0;
    for (const end = Math.min(count, this.pushed); this.released < end;) {
      left += this.drop(++this.released);
    }
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const last = Math.min(ranges[i + 1]!, this.pushed);
      for (let n = Math.max(ranges[i]!, this.released + 1); n <= last; n++) left += this.drop(n);
    }
    return left;
  }

  /** Takes back the messages above `number`; their callbacks get the error. */
  truncate(number: number, error: Error): void {
    const taken: Retained[] = [];
    for (; this.pushed > number; this.pushed--) {
      const entry = this.entries.get(this.pushed);
      if (!entry) continue;
      this.entries.delete(this.pushed);
      this.bytes -= entry.bytes;
      taken.push(entry);
    }
    for (const entry of taken.toReversed()) entry.done?.(error);
  }

  /** Forgets everything; the callbacks of what was not acknowledged get the error, if one is given. */
  clear(error?: Error): void {
    const left = [...this.entries.values()];
    this.entries.clear();
    this.released = this.pushed;
    this.bytes = 0;
    for (const entry of left) entry.done?.(error);
  }

  private drop(number: number): number {
    const entry = this.entries.get(number);
    if (!entry) return 0;
    this.entries.delete(number);
    this.bytes -= entry.bytes;
    entry.done?.();
    return entry.bytes;
  }
}
