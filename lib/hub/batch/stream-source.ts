import { filter, Observable, takeUntil } from 'rxjs';
import type { StreamStop } from './stream-stop.js';

/** How a stream is read at its source. */
export interface StreamReader {
  readonly stop: StreamStop;
  /** A value is there. @returns whether it is a result */
  take(value: unknown): boolean;
  /** The value with which an iterator ended. */
  ended(value: unknown): void;
  /** Resolves when there is room for another value; undefined when there is. */
  room(): Promise<void> | undefined;
  /** The iterator cannot be ended. */
  stopFailed(error: unknown): void;
}

/** Time for a stopped iterator to end; what it still does after that is in vain. */
const STOP_LIMIT_MS = 1000;

export const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** An Observable that completes when it is stopped. */
export const readObservable = (
  source: Observable<unknown>,
  { stop, take }: StreamReader,
): Observable<unknown> =>
  source.pipe(
    takeUntil(new Observable<void>((subscriber) => stop.onRequest(() => subscriber.next()))),
    filter((value) => take(value)),
  );

/** The values of an async iterable, read one by one; completes when it was stopped and has ended. */
export const readIterable = (
  iterable: AsyncIterable<unknown>,
  reader: StreamReader,
): Observable<unknown> =>
  new Observable((subscriber) => {
    const { stop } = reader;
    if (stop.requested) {
      subscriber.complete();
      return undefined;
    }
    const reading = new IterableReading(iterable[Symbol.asyncIterator](), reader);
    let limit: NodeJS.Timeout | undefined;
    const forget = stop.onRequest(() => {
      limit = setTimeout(() => subscriber.complete(), STOP_LIMIT_MS).unref();
      void reading.end().then(() => subscriber.complete());
    });
    reading
      .run((value) => subscriber.next(value))
      .then(
        () => {
          if (!stop.requested) subscriber.complete();
        },
        (error: unknown) => {
          // One that was stopped may well throw: it was told to by a signal.
          if (!stop.requested) subscriber.error(error);
        },
      );
    return () => {
      forget();
      clearTimeout(limit);
      void reading.end();
    };
  });

class IterableReading {
  private ending: Promise<void> | undefined;
  private done = false;
  private wake: (() => void) | undefined;

  constructor(
    private readonly iterator: AsyncIterator<unknown>,
    private readonly reader: StreamReader,
  ) {}

  async run(next: (value: unknown) => void): Promise<void> {
    const { iterator, reader } = this;
    while (!this.ending) {
      const step = await this.step(iterator);
      if (step.done) {
        reader.ended(step.value);
        return;
      }
      if (this.ending) return;
      if (reader.take(step.value)) next(step.value);
      const room = reader.room();
      if (room) await Promise.race([room, new Promise<void>((wake) => (this.wake = wake))]);
    }
  }

  /** Ends the iterator, behind what it is at. Never rejects. */
  end(): Promise<void> {
    this.ending ??= this.close();
    this.wake?.();
    return this.ending;
  }

  private async step(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
    try {
      const step = await iterator.next();
      if (step.done) this.done = true;
      return step;
    } catch (error) {
      this.done = true;
      throw error;
    }
  }

  private async close(): Promise<void> {
    if (this.done) return;
    try {
      await this.iterator.return?.();
    } catch (error) {
      this.reader.stopFailed(error);
    }
  }
}
