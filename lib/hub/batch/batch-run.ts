import { isObservable } from 'rxjs';
import { Suspended } from '../../gateway/batch/batch-context.js';
import { BatchEnded } from '../../gateway/batch/batch-ended.js';
import type { BatchEndReason } from '../../gateway/batch/batch-ended.js';
import { ResumableContext } from '../../gateway/batch/resumable-context.js';
import type { RequestId } from '../../options/index.js';
import { noResumeHandler, suspendedUnasked } from './batch.messages.js';
import { copyOfCursor } from './cursor.js';
import { isAsyncIterable, readIterable, readObservable } from './stream-source.js';
import type { StreamReader } from './stream-source.js';
import { StreamStop } from './stream-stop.js';

/** The message that a run works on. */
export interface RunTask {
  readonly id: string;
  readonly event: string;
  readonly requestId: RequestId | undefined;
  /** Results sent so far. */
  readonly results: number;
  /** Whether a resume handler can go on with it. */
  readonly resumable: boolean;
  /** Whether the connection is asked to move. */
  readonly leaving: boolean;
  /** A cursor covers everything that was sent so far. */
  cover(cursor: unknown): void;
  /** The handler has returned a stream. */
  streams(): void;
  /** Resolves when the client has room for another result; undefined when it has. */
  room(): Promise<void> | undefined;
  stopFailed(error: unknown): void;
}

/**
 * One run of a handler on a message. It is what the handler gets; and it reads what the handler returns
 * at its source, within the handler's interceptors: so that results which are on their way through
 * these are neither lost nor sent again when the source is stopped.
 */
export class BatchRun extends ResumableContext implements StreamReader {
  readonly stop = new StreamStop();
  /** Where the handler has stopped; undefined while it has not. */
  suspension: Suspended | undefined;
  /** Whether the handler has returned a stream. */
  isStream = false;
  private readonly ending = new AbortController();
  private moving = new AbortController();
  /** Covers everything that has left the source; undefined when nothing does. */
  private covering: Suspended | undefined;

  constructor(
    private readonly task: RunTask,
    readonly resumed: boolean,
    readonly cursor: unknown,
  ) {
    super();
    if (resumed) this.covering = new Suspended(cursor);
    if (task.leaving) this.moving.abort();
  }

  get id(): string {
    return this.task.id;
  }

  get requestId(): RequestId | undefined {
    return this.task.requestId;
  }

  get results(): number {
    return this.task.results;
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  get migrating(): AbortSignal {
    return this.moving.signal;
  }

  checkpoint(cursor: unknown): void {
    const copy = copyOfCursor(cursor);
    if (!this.task.resumable || this.suspension || this.signal.aborted) return;
    this.covering = new Suspended(copy);
    this.task.cover(copy);
    if (this.task.leaving) this.stopIfCovered();
  }

  suspend(cursor: unknown): Suspended {
    const { resumable, event } = this.task;
    if (!resumable) throw new Error(noResumeHandler(event));
    if (!this.migrating.aborted) throw new Error(suspendedUnasked(event));
    return new Suspended(copyOfCursor(cursor));
  }

  /** Takes what the handler returned. @returns what Nest is to take in its place */
  read(result: unknown): unknown {
    if (result instanceof Suspended) {
      this.suspension ??= result;
      return undefined;
    }
    if (result instanceof Promise) return result.then((value: unknown) => this.read(value));
    if (isObservable(result)) return this.begin(() => readObservable(result, this));
    if (isAsyncIterable(result)) return this.begin(() => readIterable(result, this));
    return result;
  }

  take = (value: unknown): boolean => {
    if (value instanceof Suspended) {
      this.stopAt(value);
      return false;
    }
    this.covering = undefined;
    return true;
  };

  ended(value: unknown): void {
    if (value instanceof Suspended) this.suspension ??= value;
  }

  room(): Promise<void> | undefined {
    return this.task.room();
  }

  stopFailed(error: unknown): void {
    this.task.stopFailed(error);
  }

  /** The connection is asked to move. */
  moveRequested(): void {
    this.moving.abort();
    this.stopIfCovered();
  }

  /** The connection stays. */
  stays(): void {
    if (this.moving.signal.aborted) this.moving = new AbortController();
  }

  /** The results are not wanted any more. */
  end(reason: BatchEndReason): void {
    this.ending.abort(new BatchEnded(reason));
  }

  private begin(read: () => unknown): unknown {
    this.isStream = true;
    if (this.task.leaving) this.stopIfCovered();
    const stream = read();
    this.task.streams();
    return stream;
  }

  private stopIfCovered() {
    if (this.isStream && this.covering) this.stopAt(this.covering);
  }

  private stopAt(suspension: Suspended) {
    if (this.suspension) return;
    this.suspension = suspension;
    this.stop.request();
  }
}
