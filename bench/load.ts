import { jsonMessage, maskedFrame } from './frames.js';
import { LoadClient } from './load-client.js';
import { MESSAGE_BYTES, type Scenario } from './scenarios.js';

/** Clients that connect at the same time. */
const CONNECT_BATCH = 100;
/** Limit for the last answers, in milliseconds. */
const DRAIN_LIMIT_MS = 10_000;

/**
 * In a fan-out all clients read at this interval, in milliseconds: a tenth of what a delivery to 500
 * takes, so that no server waits for it. Without it the load generator is busy asking for events.
 */
const FAN_OUT_READ_INTERVAL_MS = 0.2;
const never = new Int32Array(new SharedArrayBuffer(4));

/** The clients of one scenario, which send as long as they are let. */
export class Load {
  /** Messages that all clients got. */
  received = 0;
  private sent = 0;
  private sending = false;
  private settled: (() => void) | undefined;
  private readonly clients: LoadClient[] = [];
  private readonly frame: Buffer;
  private readonly batch: Buffer;

  constructor(
    private readonly scenario: Scenario,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.frame = maskedFrame('text', jsonMessage(scenario.kind, requestBytes(scenario)));
    this.batch = Buffer.concat(Array.from({ length: scenario.outstanding }, () => this.frame));
  }

  async connect(host: string, port: number): Promise<void> {
    const onMessages =
      this.scenario.kind === 'echo'
        ? (client: LoadClient, count: number) => this.onEchoes(client, count)
        : (_client: LoadClient, count: number) => this.onDeliveries(count);
    while (this.clients.length < this.scenario.clients) {
      const count = Math.min(CONNECT_BATCH, this.scenario.clients - this.clients.length);
      const batch = Array.from(
        { length: count },
        () => new LoadClient(host, port, onMessages, this.onFailure),
      );
      this.clients.push(...batch);
      await Promise.all(batch.map((client) => client.whenOpen));
    }
  }

  start(): void {
    this.sending = true;
    const senders = this.scenario.kind === 'echo' ? this.clients : this.clients.slice(0, 1);
    for (const client of senders) this.send(client, this.scenario.outstanding);
    if (this.scenario.kind === 'fanOut') this.readAtIntervals();
  }

  /**
   * Sends no more, and waits for all answers.
   * @throws when one is missing, or when there are more than there should be
   */
  async finish(): Promise<void> {
    this.sending = false;
    const answered = await new Promise<boolean>((resolve) => {
      const limit = setTimeout(() => resolve(false), DRAIN_LIMIT_MS);
      this.settled = () => {
        clearTimeout(limit);
        resolve(true);
      };
      if (this.received === this.expected) this.settled();
    });
    const { received, expected } = this;
    for (const client of this.clients) client.close();
    if (!answered) throw new Error(`${expected - received} of ${expected} messages are missing`);
  }

  private readAtIntervals(): void {
    Atomics.wait(never, 0, 0, FAN_OUT_READ_INTERVAL_MS);
    if (this.sending) setImmediate(() => this.readAtIntervals());
  }

  private get expected(): number {
    return this.scenario.kind === 'echo' ? this.sent : this.sent * this.scenario.clients;
  }

  private onEchoes(client: LoadClient, count: number): void {
    this.received += count;
    if (this.sending) this.send(client, count);
    else if (this.received === this.expected) this.settled?.();
  }

  private onDeliveries(count: number): void {
    const { clients, outstanding } = this.scenario;
    this.received += count;
    if (this.sending) {
      const running = Math.ceil((this.expected - this.received) / clients);
      if (running < outstanding) this.send(this.clients[0]!, outstanding - running);
    } else if (this.received === this.expected) {
      this.settled?.();
    }
  }

  private send(client: LoadClient, count: number): void {
    if (count > this.scenario.outstanding) {
      this.onFailure(new Error('a client got more messages than it asked for'));
      return;
    }
    this.sent += count;
    client.send(count === 1 ? this.frame : this.batch.subarray(0, count * this.frame.length));
  }
}

/** What a fan-out asks for is longer by the event's name, so that what clients get has the length. */
function requestBytes({ kind }: Scenario): number {
  return MESSAGE_BYTES + kind.length - 'echo'.length;
}
