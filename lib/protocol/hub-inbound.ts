import { CheckpointQueue } from './checkpoint-queue.js';
import type { SavedContext } from './checkpoint-queue.js';
import type { HubLinkOwner } from './hub-link-owner.js';
import type { HubMove } from './hub-move.js';
import { InboundProgress } from './inbound-progress.js';
import { MessageType } from './messages.js';
import type { LinkMessage } from './messages.js';
import type { OutboundWindow } from './outbound-window.js';
import { MAX_CONTEXT } from './schema.js';
import type { AckSource, LinkChannel } from './session.js';

/** When an inbound message counts as acknowledged: handed to the handlers, or handled by all of them. */
export type AckMode = 'received' | 'handled';

/** A message of a link, without the link's number. */
type Unaddressed<M> = M extends LinkMessage ? Omit<M, 'link'> : never;

/**
 * The inbound half of a hub server's link: what is handed over, at work, handled and acknowledged,
 * and the checkpoints that acknowledgements must not overtake.
 */
export abstract class HubInbound implements AckSource {
  protected readonly inbound: InboundProgress;
  protected move: HubMove | undefined;
  private holds = 0;
  private ackScheduled = false;
  /** Whether something is complete of which no acknowledgement was written. */
  private ackDue = false;
  /** The last checkpoint that was sent. */
  private saved: SavedContext | undefined;
  /** What waits for outbound messages; made on first use. */
  private waiting: CheckpointQueue | undefined;

  /** @param start number of the last message before the first that will be received */
  constructor(
    protected channel: LinkChannel,
    protected number: number,
    start: number,
    private readonly ack: AckMode,
    protected readonly owner: HubLinkOwner,
  ) {
    this.inbound = new InboundProgress(start);
  }

  /** Whether a handler is at work on a message. */
  get isAtWork(): boolean {
    return !this.inbound.idle;
  }

  /**
   * A message goes to the handlers.
   * @returns its number, for {@link dispatched} and {@link handled}
   */
  delivered(): number {
    return this.inbound.handOver();
  }

  /**
   * The handlers have got the message with this number: with the acknowledgement `received` it is
   * acknowledged. To be called once, for a message that can be suspended when it cannot any more.
   */
  dispatched(number: number): void {
    if (this.ack === 'received') this.complete(number);
  }

  /** All handlers of the message with this number have completed. */
  handled(number: number): void {
    this.inbound.handled();
    if (this.owner.holdsAcks) this.owner.messageHandled(number);
    else if (this.ack === 'handled') this.completeBehindResults(number);
    if (this.move !== undefined) this.leaveAtSafePoint();
  }

  /**
   * With {@link HubLinkOwner.holdsAcks}: a checkpoint has the effects of a handled message. To be
   * called once; with the acknowledgement `received` that was done before.
   */
  acknowledge(number: number): void {
    if (this.ack === 'handled') this.completeBehindResults(number);
  }

  /**
   * The handler of a message stopped before its end: it is not at work any more, and not handled. The
   * next server gets the message again, or this one has it {@link resumed}.
   */
  suspended(_number: number): void {
    this.inbound.handled();
    if (this.move !== undefined) this.leaveAtSafePoint();
  }

  /**
   * After {@link HubLinkOwner.stays}: a suspended message is at work again at this server, until it
   * is {@link handled} or {@link suspended}.
   */
  resumed(): void {
    this.inbound.resumed();
  }

  /** Keeps the connection from leaving, until {@link unhold}. Counted; too late while it settles. */
  hold(): void {
    this.holds++;
  }

  unhold(): void {
    this.holds--;
    if (this.move !== undefined) this.leaveAtSafePoint();
  }

  /** {@link HubLinkOwner.waitsFor} or {@link HubLinkOwner.wantsFlow} has another value. */
  progressChanged(): void {
    if (this.move !== undefined) this.leaveAtSafePoint();
  }

  /**
   * What another server needs to go on with the connection; replaces what was said before. It reaches
   * the relay behind all that was sent before, and before the acknowledgements that are given from
   * now on.
   * @param context is kept as it is, not copied
   * @throws RangeError when it has more than 1000000 bytes
   */
  checkpoint(context: Uint8Array | undefined, migratable: boolean): void {
    if (context && context.length > MAX_CONTEXT) {
      throw new RangeError(`A context of ${context.length} bytes is more than ${MAX_CONTEXT}`);
    }
    if (this.over) return;
    const saved = { ...(context && { context }), ...(!migratable && { migratable }) };
    (this.waiting ??= new CheckpointQueue()).add(this.outbound.last, saved);
    if (this.flowing) this.sendCheckpoints();
  }

  writeAck(): void {
    this.ackScheduled = false;
    if (this.flowing) this.writeDueAck();
  }

  protected abstract readonly outbound: OutboundWindow;
  /** Leaves when nothing is at work any more and that was asked for. */
  protected abstract leaveAtSafePoint(): void;
  /** Whether the connection is not this server's any more. */
  protected abstract get over(): boolean;
  /** Whether what is said now reaches the relay as part of the connection. */
  protected abstract get flowing(): boolean;

  /** Whether nothing is at work and nobody holds the connection. */
  protected get idle(): boolean {
    return this.inbound.idle && this.holds === 0;
  }

  protected writeDueAck(): void {
    if (!this.ackDue) return;
    this.ackDue = false;
    this.channel.sendAck(this.number, this.inbound.complete, this.inbound.takeFresh());
  }

  /** Sends what does not wait any more for what was sent before it. */
  protected sendCheckpoints(): void {
    if (this.takeCheckpoints()) this.say({ type: MessageType.Checkpoint, ...this.saved });
  }

  /**
   * Says all again on another service connection: what was said before may be lost.
   * @param sent outbound messages that were on their way, of which the last checkpoint may speak
   */
  protected repeat(sent: number): void {
    this.takeCheckpoints();
    this.ackScheduled = this.ackDue = false;
    if (this.saved) {
      this.outbound.transmitUpTo(sent);
      this.say({ type: MessageType.Checkpoint, ...this.saved });
    }
    this.channel.sendAck(this.number, this.inbound.complete, this.inbound.ranges);
  }

  /** Acknowledges what was kept while nothing could be said. */
  protected catchUp(): void {
    if (this.ackDue) this.scheduleAck();
  }

  /** Nobody will ask for a context any more. */
  protected forgetContext(): void {
    this.saved = this.waiting = undefined;
  }

  protected say(message: Unaddressed<LinkMessage>): void {
    this.channel.sendControl({ ...message, link: this.number } as LinkMessage);
  }

  /** The results of a message may wait for a slow client, and the checkpoint behind them. */
  private completeBehindResults(number: number) {
    const { outbound, waiting } = this;
    if (outbound.drained && (waiting === undefined || waiting.empty)) this.complete(number);
    else (this.waiting ??= new CheckpointQueue()).acknowledge(outbound.last, number);
  }

  private complete(number: number) {
    this.inbound.markComplete(number);
    this.ackDue = true;
    this.scheduleAck();
  }

  private scheduleAck() {
    if (this.ackScheduled || this.over) return;
    this.ackScheduled = true;
    this.channel.scheduleAck(this);
  }

  private takeCheckpoints(): boolean {
    if (this.waiting === undefined) return false;
    const { drained, sent } = this.outbound;
    const taken = this.waiting.take(drained ? Infinity : sent);
    if (!taken) return false;
    for (const number of taken.numbers) this.complete(number);
    if (taken.saved) this.saved = taken.saved;
    return taken.saved !== undefined;
  }
}
