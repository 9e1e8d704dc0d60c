import type { Payload } from './messages.js';
import type { BudgetWaiter, RetentionBudget } from './retention-budget.js';
import { Retention, payloadBytes } from './retention.js';

export interface InboundLimits {
  /** Inbound bytes retained before the client is paused. */
  retainedBytes: number;
  /** Inbound messages retained before the client is paused. */
  retainedMessages: number;
}

/** Gets what clients sent. */
export interface InboundReceiver {
  send(data: Payload, binary: boolean): void;
  /** The next messages are not sent: a hub server acknowledged them before. */
  skip(count: number): void;
}

/** The client whose messages are queued. */
export interface InboundSource {
  pauseClient(): void;
  resumeClient(): void;
}

/**
 * What a client sent, numbered and retained until a hub server acknowledged it. A client that sends
 * more than may be retained is paused, and resumed when half of it is free again.
 */
export class InboundQueue implements BudgetWaiter {
  private readonly retained = new Retention();
  private forwardedCount = 0;
  private paused = false;
  private over = false;

  constructor(
    private readonly limits: InboundLimits,
    private readonly budget: RetentionBudget,
    private readonly source: InboundSource,
  ) {}

  /** Bytes retained. */
  get bytes(): number {
    return this.retained.bytes;
  }

  /** Whether all is acknowledged. */
  get empty(): boolean {
    return this.retained.messages === 0;
  }

  /** Number up to which all is acknowledged. */
  get acknowledged(): number {
    return this.retained.acknowledged;
  }

  /** Number of the last message that the present server got. */
  get forwarded(): number {
    return this.forwardedCount;
  }

  push(data: Payload, binary: boolean): void {
    const bytes = payloadBytes(data);
    this.retained.push(data, binary, bytes);
    this.budget.add(bytes);
  }

  /** Sends what the present server did not get yet; what was acknowledged before is skipped. */
  forwardTo(server: InboundReceiver): void {
    let skipped = 0;
    while (this.forwardedCount < this.retained.last) {
      const message = this.retained.at(++this.forwardedCount);
      if (!message) {
        skipped++;
        continue;
      }
      if (skipped > 0) server.skip(skipped);
      skipped = 0;
      server.send(message.data, message.binary);
    }
    if (skipped > 0) server.skip(skipped);
  }

  /**
   * The present server says how far it received, on another service connection.
   * @returns whether that is possible
   */
  resumeAt(received: number): boolean {
    if (received < this.retained.acknowledged || received > this.forwardedCount) return false;
    this.forwardedCount = received;
    return true;
  }

  /**
   * What is wrong with how far the present server says that it is, now that it is paused.
   * @param flowed whether messages may have been sent that it had not received by then
   */
  faultOf(
    { handled, received }: { handled: number; received: number },
    flowed: boolean,
  ): string | undefined {
    const { acknowledged } = this;
    const isComplete =
      received === this.forwardedCount || (flowed && received < this.forwardedCount);
    if (isComplete && handled <= received && handled >= acknowledged) return undefined;
    return `${received} messages received and ${handled} handled of ${this.forwardedCount}, ${acknowledged} acknowledged`;
  }

  /** Another server has the connection: it gets all that is not acknowledged. */
  rewind(): void {
    this.forwardedCount = this.retained.acknowledged;
  }

  release(count: number, ranges: readonly number[]): void {
    this.budget.remove(this.retained.release(count, ranges));
    this.relieve();
  }

  /** Pauses the client when more is retained than may be. */
  checkPressure(): void {
    if (this.paused || this.over) return;
    const { retained, limits } = this;
    const own =
      retained.bytes > limits.retainedBytes || retained.messages >= limits.retainedMessages;
    if (!own && !this.budget.exceeded) return;
    this.paused = true;
    this.source.pauseClient();
    if (!own) this.budget.wait(this);
  }

  relieve(): void {
    if (!this.paused || this.over) return;
    const { retained, limits } = this;
    if (retained.bytes * 2 > limits.retainedBytes) return;
    if (retained.messages * 2 > limits.retainedMessages) return;
    if (this.budget.exceeded) {
      this.budget.wait(this);
      return;
    }
    this.paused = false;
    this.source.resumeClient();
  }

  /** Forgets everything. A paused client is resumed: it would not see the end otherwise. */
  dispose(): void {
    if (this.over) return;
    this.over = true;
    this.budget.leave(this);
    this.budget.remove(this.retained.bytes);
    this.retained.clear();
    if (this.paused) this.source.resumeClient();
  }
}
