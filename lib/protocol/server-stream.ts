import type { RelayBinding } from './relay-binding.js';

/** So many messages are acknowledged without delay, also when the server does not wait for it. */
const MOST_LATE = 64;

/** One whose messages a client's socket takes. */
export interface Taker {
  /** @param count messages taken since it was last told */
  onTaken(count: number): void;
}

/** What one hub server sent to the client, whichever service connection it came on. */
export class ServerStream implements Taker {
  /** Messages received from the server. */
  received = 0;
  /** Messages that the client's socket has taken. */
  taken = 0;
  /** Number of the last message whose acknowledgement the server waits for. */
  private promptUntil = 0;
  /** Messages acknowledged. */
  private acknowledged = 0;
  /** The latest binding to the server. */
  binding: RelayBinding | undefined;
  /** What the server sent while another server's messages must come first. */
  private held: (() => void)[] | undefined;
  /** Whether the server's application has closed the connection. */
  closing = false;

  /**
   * @param epoch with which the connection was opened on the server
   * @param hold whether what the server sends is held until {@link letThrough}
   */
  constructor(
    readonly serverId: string,
    readonly epoch: number,
    hold: boolean,
  ) {
    if (hold) this.held = [];
  }

  /** Whether what the server sends must wait. */
  get holding(): boolean {
    return this.held !== undefined;
  }

  hold(event: () => void): void {
    this.held!.push(event);
  }

  /** This server has taken over from a lost one: what that has held comes before all it sends. */
  follow(lost: ServerStream): void {
    this.held = lost.held;
  }

  /** From now on the client gets what this server sends, first what was held. */
  letThrough(): void {
    const { held } = this;
    this.held = undefined;
    for (const event of held ?? []) event();
  }

  onTaken(count: number): void {
    this.taken += count;
    const isWaitedFor = this.acknowledged < this.promptUntil;
    if (isWaitedFor || this.taken - this.acknowledged >= MOST_LATE) this.binding?.scheduleAck();
    else this.binding?.scheduleLateAck();
  }

  /** A message has come. @param prompt whether its acknowledgement is waited for */
  onReceived(prompt = false): void {
    this.received++;
    if (prompt) this.promptUntil = this.received;
  }

  /** @returns how many messages to acknowledge */
  acknowledge(): number {
    this.acknowledged = this.taken;
    return this.taken;
  }
}
