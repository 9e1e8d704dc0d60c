import { isObservable } from 'rxjs';
import type { Observable, Subscription } from 'rxjs';
import type { BatchEndReason } from '../../gateway/batch/batch-ended.js';
import type { PendingBatch } from '../../gateway/state/context-codec.js';
import type { RequestId, UnresumableStreams } from '../../options/index.js';
import type { MessageCompletion } from '../message-completion.js';
import { BatchRun } from './batch-run.js';
import type { RunTask } from './batch-run.js';

/** How the messages of an event are handled. */
export interface TaskHandler {
  readonly event: string;
  /** Whether the handler takes `@Batch()`. */
  readonly isBatch: boolean;
  /** Whether there is a resume handler. */
  readonly resumable: boolean;
  /** Whether handlers without `@Batch()` have returned streams: interceptors hide what they return. */
  readonly returnsStreams: boolean;
}

/** A client's message. */
export interface TaskMessage {
  readonly handler: TaskHandler;
  readonly completion: MessageCompletion | undefined;
  /** The id that the client gave it. */
  readonly requestId: RequestId | undefined;
  /** Calls the handler, or the resume handler. */
  call(run: BatchRun): unknown;
}

/** What a task needs of its connection. */
export interface TaskHost {
  readonly leaving: boolean;
  readonly unresumable: UnresumableStreams;
  /** @returns whether the client gets it */
  send(result: unknown): boolean;
  room(): Promise<void> | undefined;
  /** What is pending has changed. */
  changed(): void;
  over(task: BatchTask): void;
  /** Tells the client that its request was ended for a migration. */
  tellEnded(task: BatchTask): void;
  failed(task: BatchTask, error: unknown): void;
  stopFailed(task: BatchTask, error: unknown): void;
}

interface Covered {
  readonly cursor: unknown;
  readonly results: number;
}

/** A message that can be stopped before its end: runs its handler, and the resume handler after that. */
export class BatchTask implements RunTask {
  results = 0;
  private state: 'running' | 'suspended' | 'over' = 'running';
  private covered: Covered | undefined;
  private run!: BatchRun;
  private subscription: Subscription | undefined;

  /** @param arrived what came with the connection for this message */
  constructor(
    private readonly message: TaskMessage,
    private readonly host: TaskHost,
    arrived: PendingBatch | undefined,
  ) {
    if (arrived) {
      this.covered = { cursor: arrived.cursor, results: arrived.results };
      this.results = arrived.results;
    }
  }

  get id(): string {
    return this.message.completion?.id ?? '';
  }

  get event(): string {
    return this.message.handler.event;
  }

  get requestId(): RequestId | undefined {
    return this.message.requestId;
  }

  get isBatch(): boolean {
    return this.message.handler.isBatch;
  }

  /** Whether the client can cancel it. */
  get isCancellable(): boolean {
    return this.isBatch && this.requestId !== undefined;
  }

  get resumable(): boolean {
    return this.message.handler.resumable && this.message.completion !== undefined;
  }

  get leaving(): boolean {
    return this.host.leaving;
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** What another server needs to go on; undefined when it begins anew. */
  get pending(): PendingBatch | undefined {
    const { covered, message } = this;
    return covered && message.completion && { number: message.completion.number, ...covered };
  }

  /** The message is at work until the end of the handler. */
  begin(): void {
    this.message.completion?.begin();
    this.start();
  }

  cover(cursor: unknown): void {
    if (this.state === 'over') return;
    this.covered = { cursor, results: this.results };
    this.host.changed();
  }

  streams(): void {
    this.considerLeaving();
  }

  room(): Promise<void> | undefined {
    return this.host.room();
  }

  stopFailed(error: unknown): void {
    this.host.stopFailed(this, error);
  }

  /** The connection is asked to move. */
  moveRequested(): void {
    if (this.state !== 'running') return;
    this.run.moveRequested();
    this.considerLeaving();
  }

  /** The connection stays: what was suspended goes on. */
  stays(): void {
    if (this.state === 'running') {
      this.run.stays();
    } else if (this.state === 'suspended') {
      this.message.completion!.resume();
      this.start();
    }
  }

  /** Nobody wants the results any more; the message counts as handled. */
  end(reason: BatchEndReason): void {
    if (this.state === 'over') return;
    if (this.state === 'suspended') this.message.completion!.resume();
    // First of all: nothing is sent any more, whatever the handler does about it.
    this.state = 'over';
    this.run.end(reason);
    this.finish();
  }

  private start() {
    this.state = 'running';
    const { covered } = this;
    const run = new BatchRun(this, covered !== undefined, covered?.cursor);
    this.run = run;
    let result: unknown;
    try {
      result = this.message.call(run);
    } catch {
      // As the stock adapter: what throws at once is no handler of Nest's.
      this.finish();
      return;
    }
    Promise.resolve(result).then(
      (value) => {
        if (!this.isAt(run)) return;
        if (isObservable(value)) {
          this.follow(run, value);
        } else {
          this.emit(run, value);
          this.stopped(run);
        }
      },
      (error: unknown) => this.fail(run, error),
    );
  }

  private follow(run: BatchRun, stream: Observable<unknown>) {
    const subscription = stream.subscribe({
      next: (result) => this.emit(run, result),
      error: (error: unknown) => this.fail(run, error),
      complete: () => this.stopped(run),
    });
    if (!this.isAt(run)) {
      subscription.unsubscribe();
      return;
    }
    this.subscription = subscription;
    this.considerLeaving();
  }

  private emit(run: BatchRun, result: unknown) {
    if (!this.isAt(run) || (run.suspension && !run.isStream)) return;
    this.considerLeaving();
    if (this.isAt(run) && this.host.send(result)) this.results++;
  }

  private fail(run: BatchRun, error: unknown) {
    if (!this.isAt(run)) return;
    this.host.failed(this, error);
    this.finish();
  }

  /** The handler is at its end, or has stopped before it. */
  private stopped(run: BatchRun) {
    if (!this.isAt(run)) return;
    if (!run.suspension) {
      this.finish();
      return;
    }
    this.covered = { cursor: run.suspension.cursor, results: this.results };
    // Later: the handler may be in the middle of what it does at this checkpoint.
    queueMicrotask(() => {
      if (this.isAt(run)) this.suspend();
    });
  }

  private suspend() {
    this.subscription?.unsubscribe();
    this.subscription = undefined;
    if (this.host.leaving) {
      this.state = 'suspended';
      this.host.changed();
      this.message.completion!.suspend();
    } else {
      this.start();
    }
  }

  /** A stream that nobody can resume does not keep the connection from leaving, unless it is waited for. */
  private considerLeaving() {
    const { leaving, unresumable } = this.host;
    if (!leaving || this.resumable || unresumable === 'wait' || !this.isStream) return;
    if (unresumable === 'end') {
      this.host.tellEnded(this);
      this.end('migration');
    } else if (this.message.completion) {
      this.results = 0;
      this.covered = undefined;
      this.suspend();
    }
  }

  private get isStream(): boolean {
    const { isBatch, returnsStreams } = this.message.handler;
    return isBatch ? this.run.isStream : this.subscription !== undefined && returnsStreams;
  }

  private finish() {
    this.state = 'over';
    this.subscription?.unsubscribe();
    this.subscription = undefined;
    this.host.over(this);
    this.message.completion?.end();
  }

  private isAt(run: BatchRun): boolean {
    return this.state === 'running' && this.run === run;
  }
}
