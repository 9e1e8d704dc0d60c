import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { until } from '../../test/support/until.js';
import { MigrationEvents } from '../relay/migration-events.js';
import { streamMigrations } from './migration-stream.js';

class FakeResponse extends EventEmitter {
  writableNeedDrain = false;
  destroyed = false;

  destroy(): void {
    this.destroyed = true;
  }
  drain(): void {
    this.writableNeedDrain = false;
    this.emit('drain');
  }
}

let events: MigrationEvents;
let response: FakeResponse;
let seen: unknown[];
let completed: boolean;
beforeEach(() => {
  events = new MigrationEvents();
  response = new FakeResponse();
  seen = [];
  completed = false;
});
afterEach(() => void vi.useRealTimers());

const subscribe = () =>
  streamMigrations(events, response).subscribe({
    next: ({ type, data }) => seen.push(type === 'migration' ? (data as object) : type),
    complete: () => (completed = true),
  });
const emit = (count: number) => {
  for (let i = 0; i < count; i++) events.emit('id', () => ({ state: 'requested', attempt: i }));
};

describe('the stream of migrations', () => {
  it('hands over all events in order, not all in one turn', async () => {
    const subscription = subscribe();
    emit(500);
    expect(seen).toEqual([]);
    await until(() => expect(seen).toHaveLength(500));
    expect(seen.map((event) => (event as { attempt: number }).attempt)).toEqual(
      Array.from({ length: 500 }, (_, i) => i),
    );
    subscription.unsubscribe();
  });

  it('waits for a reader that does not keep up', async () => {
    const subscription = subscribe();
    response.writableNeedDrain = true;
    emit(5);
    await until(() => expect(response.listenerCount('drain')).toBe(1));
    expect(seen).toEqual([]);
    response.drain();
    await until(() => expect(seen).toHaveLength(5));
    expect(response.listenerCount('drain')).toBe(0);
    subscription.unsubscribe();
  });

  it('cuts one that does not read at all', async () => {
    const subscription = subscribe();
    response.writableNeedDrain = true;
    emit(1000);
    expect(response.destroyed).toBe(false);
    emit(1);
    expect(response.destroyed).toBe(true);
    subscription.unsubscribe();
    expect(events.listenerCount).toBe(0);
  });

  it('ends with the relay, after what was not handed over yet', () => {
    subscribe();
    emit(3);
    events.end();
    expect([seen.length, completed, events.listenerCount]).toEqual([3, true, 0]);
  });

  it('shows that it is alive, and stops to when it is over', () => {
    vi.useFakeTimers();
    const subscription = subscribe();
    vi.advanceTimersByTime(15_000);
    response.writableNeedDrain = true;
    vi.advanceTimersByTime(15_000);
    expect(seen).toEqual(['alive']);
    response.writableNeedDrain = false;
    emit(1);
    subscription.unsubscribe();
    vi.advanceTimersByTime(60_000);
    expect([seen, vi.getTimerCount(), response.listenerCount('drain')]).toEqual([['alive'], 0, 0]);
  });
});
