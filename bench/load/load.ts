import { LoadClient } from './load-client.js';
import type { Measured, Measuring, Stopped, Target, Traffic } from './load-generator.js';

/** Clients that connect at the same time. */
const CONNECT_BATCH = 100;
/** Limit for the last answers, in milliseconds. */
const DRAIN_LIMIT_MS = 10_000;
/** As in load.c. */
const FAN_OUT_READ_INTERVAL_MS = 0.2;
type ClosedTraffic = Exclude<Traffic, { kind: 'rate' }>;
const never = new Int32Array(new SharedArrayBuffer(4));

/** The clients of one measurement on Node.js; load.c costs less, and can send at a constant rate. */
export class Load {
  private readonly clients: LoadClient[] = [];
  private traffic: ClosedTraffic | undefined;
  private sending = false;
  private sent = 0;
  private received = 0;
  private receivedBefore = 0;
  private cpuBefore = process.cpuUsage();
  private measureStart = 0;
  private settled: (() => void) | undefined;

  constructor(
    private readonly target: Target,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** Returns how long it took, in seconds. */
  async connect(): Promise<{ seconds: number; cpuShare: number }> {
    const { clients, sources, ports, wire } = this.target;
    const isUsual = sources.first === 1 && sources.count === 1;
    const before = now();
    while (this.clients.length < clients) {
      const count = Math.min(CONNECT_BATCH, clients - this.clients.length);
      const batch = Array.from({ length: count }, (_, number) => {
        const index = this.clients.length + number;
        const port = ports[index % ports.length]!;
        const last = sources.first + (index % sources.count);
        const localAddress = isUsual ? undefined : `127.0.0.${last}`;
        const onAnswers = (client: LoadClient, answers: number) => this.onAnswers(client, answers);
        return new LoadClient(wire, { port, localAddress }, onAnswers, this.onFailure);
      });
      this.clients.push(...batch);
      await Promise.all(batch.map((client) => client.whenOpen));
    }
    const seconds = (now() - before) / 1e9;
    return { seconds, cpuShare: this.cpuShare(seconds) };
  }

  /** @throws for a constant rate: Node.js has no timers that are fine enough */
  start(traffic: Traffic): void {
    if (traffic.kind === 'rate') throw new Error('a constant rate needs the load generator in C');
    this.traffic = traffic;
    this.sending = true;
    this.sent = this.received = 0;
    if (traffic.kind === 'turns') return this.takeTurns(traffic.outstanding);
    const senders = traffic.kind === 'echo' ? this.clients : this.clients.slice(0, 1);
    for (const client of senders) this.send(client, traffic.outstanding);
    if (traffic.kind === 'fanOut') this.readAtIntervals();
  }

  measure(): Measuring {
    this.receivedBefore = this.received;
    this.cpuBefore = process.cpuUsage();
    this.measureStart = now();
    return { kind: 'measuring' };
  }

  end(): Measured {
    const seconds = (now() - this.measureStart) / 1e9;
    const messages = this.received - this.receivedBefore;
    return { kind: 'measured', messages, seconds, cpuShare: this.cpuShare(seconds) };
  }

  /**
   * Sends no more, and waits for all answers.
   * @throws when one is missing
   */
  async stop(): Promise<Stopped> {
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
    if (!answered) throw new Error(`${expected - received} of ${expected} messages are missing`);
    return {
      kind: 'stopped',
      latencies: [],
      pauses: [],
    };
  }

  private get expected(): number {
    return this.traffic?.kind === 'fanOut' ? this.sent * this.clients.length : this.sent;
  }

  private onAnswers(client: LoadClient, count: number): void {
    const { traffic } = this;
    this.received += count;
    if (this.received > this.expected) throw new Error('clients got more than they asked for');
    if (!this.sending) {
      if (this.received === this.expected) this.settled?.();
    } else if (traffic?.kind === 'echo') {
      this.send(client, count);
    } else if (traffic?.kind === 'turns') {
      this.takeTurns(count);
    } else if (traffic?.kind === 'fanOut') {
      const running = Math.ceil((this.expected - this.received) / this.clients.length);
      if (running < traffic.outstanding) this.send(this.clients[0]!, traffic.outstanding - running);
    }
  }

  private takeTurns(count: number): void {
    for (let turn = 0; turn < count; turn += 1) {
      this.send(this.clients[this.sent % this.clients.length]!, 1);
    }
  }

  private send(client: LoadClient, count: number): void {
    const { request } = this.target.wire;
    this.sent += count;
    client.send(count === 1 ? request : Buffer.concat(Array<Buffer>(count).fill(request)));
  }

  private readAtIntervals(): void {
    Atomics.wait(never, 0, 0, FAN_OUT_READ_INTERVAL_MS);
    if (this.sending) setImmediate(() => this.readAtIntervals());
  }

  private cpuShare(seconds: number): number {
    const { user, system } = process.cpuUsage(this.cpuBefore);
    return (user + system) / 1e6 / seconds;
  }
}

/** Nanoseconds of a clock that only goes forward. */
function now(): number {
  return performance.now() * 1e6;
}
