import { connect, type TestClient } from '../../conformance/support/client.js';

/** So many messages are on their way at once. */
const WINDOW = 4;

interface Echo {
  data: { server: string; n: number };
}

/** A client that sends numbered messages, always some ahead of the answers. */
export class NumberedClient {
  sent = 0;
  private wanted = 0;

  private constructor(readonly client: TestClient) {
    client.socket.on('message', () => this.fill());
  }

  static async connect(url: string): Promise<NumberedClient> {
    return new NumberedClient(await connect(url));
  }

  /** Sends until stopped. */
  start(): void {
    this.wanted = Infinity;
    this.fill();
  }

  stop(): void {
    this.wanted = this.sent;
  }

  /** The answers that have arrived, in order. */
  get answers(): Echo['data'][] {
    return this.client.inbox.map(({ json }) => (json as Echo).data);
  }

  /** Which servers answered, in order of their first answer. */
  get servers(): string[] {
    return [...new Set(this.answers.map(({ server }) => server))];
  }

  private fill(): void {
    while (this.sent < this.wanted && this.sent - this.client.inbox.length < WINDOW) {
      this.client.emit('echo', ++this.sent);
    }
  }
}

/** 1, 2, … count: what must have been handled and answered, in this order. */
export const numbersTo = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i + 1);
