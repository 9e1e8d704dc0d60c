import type { BatchEndReason } from '../../gateway/batch/batch-ended.js';
import type { PendingBatch } from '../../gateway/state/context-codec.js';
import { idFrom } from '../../options/index.js';
import type { AttentionFormat, RequestId, UnresumableStreams } from '../../options/index.js';
import type { Payload } from '../../protocol/messages.js';
import type { ArrivedWork, ConnectionWork } from '../connection-work.js';
import { tooManyBatches } from './batch.messages.js';
import { BatchTask } from './batch-task.js';
import type { TaskHost, TaskMessage } from './batch-task.js';
import type { ParsedMessage } from './gateway-batches.js';
import { SendingRoom } from './sending-room.js';

/** The client whose requests are at work. */
export interface BatchClient {
  readonly readyState: number;
  readonly OPEN: number;
  readonly CLOSED: number;
  readonly bufferedAmount: number;
  send(data: string, done?: () => void): void;
  /** What is pending has changed. */
  contextChanged(): void;
  /** What was just sent must not be sent again by the next server. */
  acknowledgeNow(): void;
}

/** What the connections of an endpoint share for their batches. */
export interface BatchSettings {
  readonly unresumable: UnresumableStreams;
  readonly attention: AttentionFormat;
  /** Whether clients can cancel requests. */
  readonly attends: boolean;
  /** Outbound bytes above which streams wait. */
  readonly roomBytes: number;
  /** The same while the connection is asked to move, so that a slow client does not keep it here. */
  readonly leavingRoomBytes: number;
  parse(data: string | Buffer): ParsedMessage | undefined;
  failed(task: BatchTask, error: unknown): void;
  stopFailed(task: BatchTask, error: unknown): void;
  /** A batch came with a checkpoint, and no handler here can go on from it. */
  notResumed(task: BatchTask): void;
}

/** Batches of one connection that are not done. More are refused. */
const MOST_BATCHES = 100;

/** Cancelled requests of one connection that are not answered yet. Older ones are answered as not found. */
const MOST_CANCELLED = 100;

/** The requests of one connection that are at work and can be stopped before their end. */
export class ConnectionBatches implements ConnectionWork, TaskHost {
  leaving = false;
  readonly cancelled: string[];
  private readonly tasks = new Set<BatchTask>();
  private readonly sending: SendingRoom;
  private readonly arrived: Map<number, PendingBatch>;

  constructor(
    private readonly client: BatchClient,
    private readonly settings: BatchSettings,
    private readonly notSent: (error: unknown) => void,
    arrived: ArrivedWork | undefined,
  ) {
    this.sending = new SendingRoom(client, settings.roomBytes);
    this.cancelled = [...(arrived?.cancelled ?? [])];
    this.arrived = new Map(arrived?.batches.map((batch) => [batch.number, batch]));
  }

  get unresumable(): UnresumableStreams {
    return this.settings.unresumable;
  }

  get pending(): readonly PendingBatch[] {
    return [...this.tasks].flatMap(({ pending }) => pending ?? []);
  }

  get waitsFor(): string | undefined {
    const running = [...this.tasks].filter(({ isRunning }) => isRunning);
    const [first] = running;
    if (!first) return undefined;
    const others = running.length > 1 ? ` and ${running.length - 1} more` : '';
    return `batch ${first.event.slice(0, 100)}${others}`;
  }

  get wantsFlow(): boolean {
    if (!this.settings.attends) return false;
    for (const task of this.tasks) if (task.isRunning && task.isCancellable) return true;
    return false;
  }

  /** The id that the client gave a request. */
  requestIdOf(message: object): RequestId | undefined {
    return idFrom(this.settings.attention.requestId(message));
  }

  /** A message goes to its handler. */
  begin(message: TaskMessage): void {
    const { handler, completion } = message;
    const arrived = this.takeArrived(completion?.number);
    if (handler.isBatch && !arrived && this.isFull) {
      this.send(refusal(handler.event));
      return;
    }
    completion?.mayBeSuspended();
    const restarts = this.unresumable === 'restart';
    const task = new BatchTask(message, this, handler.resumable || !restarts ? arrived : undefined);
    if (arrived && !handler.resumable && !restarts) {
      this.settings.notResumed(task);
      this.tellEnded(task);
      return;
    }
    this.tasks.add(task);
    task.begin();
  }

  /** An attention has its turn: it is answered, once. */
  attend(message: object): void {
    const { attention } = this.settings;
    const id = idFrom(attention.cancelledId(message));
    if (id === undefined) return;
    const wasCancelled = this.forget(String(id));
    const task = wasCancelled ? undefined : this.find(String(id));
    task?.end('cancelled');
    this.send(attention.answer(id, wasCancelled || task !== undefined));
    this.client.acknowledgeNow();
  }

  /** One that waits for its turn has its effect at once; the answer is given in its turn. */
  attention(data: Payload, binary: boolean): void {
    if (!this.wantsFlow) return;
    const key = this.cancelledBy(binary ? (data as Buffer) : data.toString());
    const task = key === undefined ? undefined : this.find(key);
    if (!task) return;
    // First of all: without this request the connection may leave at once.
    this.cancelled.push(key!);
    if (this.cancelled.length > MOST_CANCELLED) this.cancelled.shift();
    this.changed();
    task.end('cancelled');
  }

  moveRequested(): void {
    this.leaving = true;
    this.sending.limit = this.settings.leavingRoomBytes;
    for (const task of this.tasks) task.moveRequested();
  }

  stays(): void {
    this.leaving = false;
    this.sending.limit = this.settings.roomBytes;
    for (const task of this.tasks) task.stays();
  }

  /** The connection is not this server's any more. */
  end(reason: BatchEndReason): void {
    for (const task of this.tasks) task.end(reason);
  }

  send(result: unknown): boolean {
    const { client } = this;
    if (result === null || result === undefined || client.readyState !== client.OPEN) return false;
    try {
      this.sending.send(JSON.stringify(result));
      return true;
    } catch (error) {
      this.notSent(error);
      return false;
    }
  }

  room(): Promise<void> | undefined {
    return this.sending.wait();
  }

  changed(): void {
    const { client } = this;
    if (client.readyState !== client.CLOSED) client.contextChanged();
  }

  over(task: BatchTask): void {
    this.tasks.delete(task);
  }

  tellEnded({ event, requestId }: BatchTask): void {
    this.send(migrationEnded(event, requestId));
  }

  failed(task: BatchTask, error: unknown): void {
    this.settings.failed(task, error);
  }

  stopFailed(task: BatchTask, error: unknown): void {
    this.settings.stopFailed(task, error);
  }

  /** What came with the connection for a message. */
  private takeArrived(number: number | undefined): PendingBatch | undefined {
    const batch = number === undefined ? undefined : this.arrived.get(number);
    if (batch) this.arrived.delete(batch.number);
    return batch;
  }

  /** The request that a message cancels, if it is an attention. */
  private cancelledBy(data: string | Buffer): string | undefined {
    const { parse, attention } = this.settings;
    try {
      const message = parse(data);
      const isMeant = message?.event === attention.event;
      const id = isMeant ? idFrom(attention.cancelledId(message)) : undefined;
      return id === undefined ? undefined : String(id);
    } catch {
      // It is told of in its turn.
      return undefined;
    }
  }

  private get isFull(): boolean {
    if (this.tasks.size < MOST_BATCHES) return false;
    return [...this.tasks].filter(({ isBatch }) => isBatch).length >= MOST_BATCHES;
  }

  /** The request that an attention means. */
  private find(key: string): BatchTask | undefined {
    for (const task of this.tasks) {
      if (task.isCancellable && String(task.requestId) === key) return task;
    }
    return undefined;
  }

  /** @returns whether a request was cancelled ahead of the turn of its attention */
  private forget(key: string): boolean {
    const index = this.cancelled.indexOf(key);
    if (index < 0) return false;
    this.cancelled.splice(index, 1);
    return true;
  }
}

/** As an exception of the handler. */
const refusal = (event: string) => ({
  event: 'exception',
  data: { status: 'error', message: tooManyBatches(MOST_BATCHES), cause: { pattern: event } },
});

const migrationEnded = (event: string, id: RequestId | undefined) => ({
  event: 'migrationEnded',
  data: { event, ...(id !== undefined && { id }), reason: 'migration' },
});
