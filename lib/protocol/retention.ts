import { Buffer } from 'node:buffer';
import type { Payload } from './messages.js';

/** A message kept until its receiver acknowledged it. */
export interface Retained {
  readonly number: number;
  readonly data: Payload;
  readonly binary: boolean;
  readonly bytes: number;
  /** Called with nothing once acknowledged, with an error when it never will be. */
  readonly done: ((error?: Error) => void) | undefined;
}

/** Bytes a payload takes on the wire. */
export const payloadBytes = (data: string | Uint8Array): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : data.length;

/** The messages of connections that retain none: most connections are idle. */
const NOTHING: (Retained | undefined)[] = [];
/** So many places of messages that have left may be in front of the others. */
const MOST_PLACES_LEFT = 32;

/**
 * The retained messages of one direction of one link, numbered from 1 by counting. Acknowledged
 * messages leave, also from the middle, and cost nothing from then on.
 */
export class Retention {
  /** In the order of their numbers, from `head` on. */
  private entries = NOTHING;
  private head = 0;
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
    return this.entries.length - this.head;
  }

  /** Number of the last message that was pushed. */
  get last(): number {
    return this.pushed;
  }

  /** Number up to which all is acknowledged. */
  get acknowledged(): number {
    return this.released;
  }

  /** @returns the number of the message */
  push(data: Payload, binary: boolean, bytes: number, done?: Retained['done']): number {
    const number = ++this.pushed;
    const entry: Retained = { number, data, binary, bytes, done };
    if (this.entries === NOTHING) this.entries = [entry];
    else this.entries.push(entry);
    this.bytes += bytes;
    return number;
  }

  /** The retained message with this number, or undefined when it was acknowledged. */
  at(number: number): Retained | undefined {
    const entry = this.entries[this.placeOf(number)];
    return entry?.number === number ? entry : undefined;
  }

  /**
   * Acknowledges all messages up to `count` and those in `ranges` (first, last, …).
   * @returns the bytes that left; callbacks may have pushed others meanwhile
   */
  release(count: number, ranges: readonly number[] = []): number {
    let left = 0;
    if (count > this.released) {
      this.released = Math.min(count, this.pushed);
      const end = this.released;
      for (let first = this.first(); first && first.number <= end; first = this.first()) {
        left += this.dropFirst(first);
      }
    }
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      left += this.dropRange(ranges[i]!, Math.min(ranges[i + 1]!, this.pushed));
    }
    return left;
  }

  /** Takes back the messages above `number`; their callbacks get the error. */
  truncate(number: number, error: Error): void {
    if (number >= this.pushed) return;
    const taken = this.remove(this.placeOf(number + 1), this.entries.length);
    this.pushed = number;
    for (const entry of taken) entry.done?.(error);
  }

  /** Forgets everything; the callbacks of what was not acknowledged get the error, if one is given. */
  clear(error?: Error): void {
    const left = this.remove(this.head, this.entries.length);
    this.released = this.pushed;
    for (const entry of left) entry.done?.(error);
  }

  private first(): Retained | undefined {
    return this.entries[this.head];
  }

  /** Where the message with this number is, or the first one after it. */
  private placeOf(number: number): number {
    const { entries, head } = this;
    let low = head;
    let high = entries.length;
    if (low === high) return low;
    // Usually none has left from the middle.
    const place = low + number - entries[low]!.number;
    if (place >= low && place < high && entries[place]!.number === number) return place;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle]!.number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private dropFirst(entry: Retained): number {
    this.bytes -= entry.bytes;
    this.entries[this.head++] = undefined;
    if (this.head === this.entries.length) this.holdNothing();
    else if (this.head > MOST_PLACES_LEFT && this.head * 2 > this.entries.length) {
      this.entries.splice(0, this.head);
      this.head = 0;
    }
    entry.done?.();
    return entry.bytes;
  }

  private dropRange(from: number, to: number): number {
    let left = 0;
    const taken = this.remove(this.placeOf(from), this.placeOf(to + 1));
    for (const entry of taken) {
      left += entry.bytes;
      entry.done?.();
    }
    return left;
  }

  private remove(from: number, to: number): Retained[] {
    if (from >= to) return [];
    const taken = this.entries.splice(from, to - from) as Retained[];
    for (const { bytes } of taken) this.bytes -= bytes;
    if (this.head === this.entries.length) this.holdNothing();
    return taken;
  }

  private holdNothing() {
    this.entries = NOTHING;
    this.head = 0;
  }
}
