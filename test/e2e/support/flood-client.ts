import type { Taker } from '../../../lib/protocol/server-stream.js';
import type { Payload } from '../../../lib/protocol/messages.js';
import { SocketlessClient } from './relay-in-test.js';

/** So many messages are on their way to the hub server at once. */
const WINDOW = 4;

interface Message {
  event: string;
  data: number;
}

/** Sends numbered messages all the time, gets answers and pushes, and finds gaps and repeats. */
export class FloodClient extends SocketlessClient {
  sent = 0;
  answered = 0;
  readonly disorder: string[] = [];
  private readonly pushes = new Map<string, number>();
  private stopped = false;

  /** Pushes that came, from all servers. */
  get pushed(): number {
    return [...this.pushes.values()].reduce((sum, count) => sum + count, 0);
  }

  start(): void {
    for (let i = 0; i < WINDOW; i++) this.sendNext();
  }

  stop(): void {
    this.stopped = true;
  }

  override send(data: Payload, _binary: boolean, taker: Taker): void {
    const { event, data: n } = JSON.parse(data.toString()) as Message;
    if (event === 'echo') {
      this.expect(event, ++this.answered, n);
      this.sendNext();
    } else {
      const expected = (this.pushes.get(event) ?? 0) + 1;
      this.pushes.set(event, expected);
      this.expect(event, expected, n);
    }
    // As a socket does: after this turn.
    setImmediate(() => taker.onTaken(1));
  }

  private sendNext() {
    if (!this.stopped) this.emit('in', ++this.sent);
  }

  private expect(event: string, expected: number, n: number) {
    if (n !== expected) this.disorder.push(`${event} ${n} instead of ${expected}`);
  }
}
