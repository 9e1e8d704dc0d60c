import type { BatchClient } from './connection-batches.js';

/** Has streams wait while too much of what was sent has not reached the client. */
export class SendingRoom {
  private full = false;
  private waiting: (() => void)[] = [];

  constructor(
    private readonly client: BatchClient,
    private bytes: number,
  ) {}

  /** Outbound bytes above which streams wait; those that wait go on when it changes. */
  set limit(bytes: number) {
    this.bytes = bytes;
    this.open();
  }

  send(text: string): void {
    const { client } = this;
    if (this.full || client.bufferedAmount <= this.bytes) {
      client.send(text);
      return;
    }
    this.full = true;
    client.send(text, () => this.open());
  }

  /** Undefined when there is room. */
  wait(): Promise<void> | undefined {
    return this.full ? new Promise((resolve) => this.waiting.push(resolve)) : undefined;
  }

  private open() {
    this.full = false;
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
