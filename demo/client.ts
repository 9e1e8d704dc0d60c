import { setTimeout as sleep } from 'node:timers/promises';
import { ClientConnection } from './client-connection.js';
import type { SessionRecord } from './ledger.js';
import { pausesOf } from './pause.js';
import { planMessage, type PlannedMessage, type Random } from './random.js';

const RECONNECT_MS = 200;
const PROBE: PlannedMessage = { delayMs: 0, size: 10, fragments: 1, fragmentGapMs: 0 };

/** A plain client: busy, or idle until it is probed. It connects again when it was closed. */
export class DemoClient {
  /** Every connection of this client that was opened, the present one last. */
  readonly connections: ClientConnection[] = [];
  failedConnects = 0;

  private attempts = 0;
  private current?: ClientConnection;
  private leaving = false;
  private ending = false;
  private sending: Promise<void> = Promise.resolve();
  private loop: Promise<void> = Promise.resolve();
  private readonly stopped = new AbortController();

  constructor(
    private readonly url: string,
    private readonly index: number,
    readonly kind: SessionRecord['kind'],
    private readonly rate: number,
    private readonly random: Random,
  ) {}

  get isConnected(): boolean {
    return this.current?.isOpen === true && !this.leaving;
  }

  /** True when this connection has an answer to a message sent after the given moment. */
  hasAnswerSince(moment: number): boolean {
    return (this.current?.roundTrips.at(-1)?.sentAt ?? 0) > moment;
  }

  async connect(): Promise<void> {
    while (!this.ending) {
      const label = `${this.index}.${++this.attempts}`;
      const connection = new ClientConnection(this.url, label, this.kind);
      connection.onLeave = () => void this.leave(connection);
      void connection.closed.then(() => this.afterClose(connection));
      const ready = await connection.ready;
      if (connection.wasOpened) {
        this.connections.push(connection);
      } else {
        this.failedConnects += 1;
      }
      if (ready) {
        this.current = connection;
        return;
      }
      await sleep(RECONNECT_MS * (0.5 + this.random()));
    }
  }

  /** Begins to send numbered messages at the client's rate. */
  start(): void {
    this.loop = this.run();
  }

  /** Ends the sending, between two messages; resolves to false when an answer is missing. */
  async stop(): Promise<boolean> {
    this.stopped.abort();
    await this.loop;
    return (await this.current?.answered()) ?? false;
  }

  /** One numbered message there and its answer back. */
  async probe(): Promise<boolean> {
    const connection = this.current;
    if (!connection?.isOpen) {
      return false;
    }
    await connection.send(PROBE);
    return connection.answered();
  }

  async end(): Promise<void> {
    this.ending = true;
    await this.current?.leave();
  }

  pauses(): number[] {
    return this.connections.flatMap(({ roundTrips }) => pausesOf(roundTrips));
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      const plan = planMessage(this.random, this.rate);
      await sleep(plan.delayMs, undefined, { signal }).catch(() => {});
      if (this.current && this.isConnected && !signal.aborted) {
        this.sending = this.current.send(plan);
        await this.sending;
      }
    }
  }

  private async leave(connection: ClientConnection): Promise<void> {
    if (this.leaving || this.ending) {
      return;
    }
    this.leaving = true;
    await this.sending;
    await connection.leave();
  }

  private async afterClose(connection: ClientConnection): Promise<void> {
    if (connection === this.current) {
      this.current = undefined;
      this.leaving = false;
      await sleep(RECONNECT_MS * this.random());
      await this.connect();
    }
  }
}
