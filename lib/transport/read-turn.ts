import { performance } from 'node:perf_hooks';
import process from 'node:process';

/** Gets what a socket reads. The bytes may be overwritten as soon as the call returns. */
export interface SocketReader {
  readBytes(bytes: Uint8Array, length: number): void;
}

/** Whether a socket's bytes are being read. */
let reading = false;
/** The time of this read, once somebody has asked. */
let time: number | undefined;
let deferred: (() => void)[] = [];

/** Monotonic time in milliseconds. During a read it stands still, as that of the event loop does. */
export function timeOfRead(): number {
  if (!reading) return performance.now();
  return (time ??= performance.now());
}

/** Has `fn` called at the end of the present read. @returns false when there is none */
export function deferToEndOfRead(fn: () => void): boolean {
  if (reading) deferred.push(fn);
  return reading;
}

/**
 * Hands the reader what a socket has read, then calls what was deferred meanwhile. That is what ticks are
 * for, too, but these cost more than what is done in them.
 */
export function readTurn(reader: SocketReader, bytes: Uint8Array, length: number): void {
  reading = true;
  time = undefined;
  let called = 0;
  try {
    reader.readBytes(bytes, length);
    while (called < deferred.length) deferred[called++]!();
  } finally {
    reading = false;
    // A fault must not keep the others waiting for the next read.
    for (; called < deferred.length; called++) process.nextTick(deferred[called]!);
    if (called > 0) deferred = [];
  }
}
