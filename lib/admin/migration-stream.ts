import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { MigrationEvent, MigrationEvents } from '../relay/migration-events.js';

/** Events that may wait for one who does not read; then the stream is cut. */
const MOST_WAITING = 1000;
/** Events handed over in one turn: only then is it seen whether the reader keeps up. */
const BATCH = 32;
/** Proxies cut what is silent for longer, in milliseconds. */
const ALIVE_MS = 15_000;

/** What is used of the response. */
export interface StreamedResponse {
  readonly writableNeedDrain: boolean;
  once(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
  destroy(): unknown;
}

/** The migrations of a relay as server-sent events, until it stops or the reader goes. */
export function streamMigrations(
  events: MigrationEvents,
  response: StreamedResponse,
): Observable<MessageEvent> {
  return new Observable((subscriber) => {
    const waiting: MigrationEvent[] = [];
    let turn: NodeJS.Immediate | undefined;
    const handOver = () => {
      turn = undefined;
      if (response.writableNeedDrain) {
        response.once('drain', schedule);
        return;
      }
      for (const data of waiting.splice(0, BATCH)) subscriber.next({ type: 'migration', data });
      if (waiting.length > 0) schedule();
    };
    const schedule = () => void (turn ??= setImmediate(handOver));
    const alive = setInterval(() => {
      if (!response.writableNeedDrain) subscriber.next({ type: 'alive', data: {} });
    }, ALIVE_MS);
    const stopListening = events.listen({
      next: (event) => {
        if (waiting.push(event) > MOST_WAITING) response.destroy();
        else if (waiting.length === 1) schedule();
      },
      complete: () => {
        for (const data of waiting.splice(0)) subscriber.next({ type: 'migration', data });
        subscriber.complete();
      },
    });
    return () => {
      stopListening();
      clearInterval(alive);
      clearImmediate(turn);
      response.off('drain', schedule);
    };
  });
}
