import { DemoClient } from './client.js';
import type { SessionRecord } from './ledger.js';
import type { DemoOptions } from './options.js';
import { seededRandom } from './random.js';
import { until } from './until.js';

const CONNECT_AT_ONCE = 50;
const SETTLE_MS = 30_000;

/** All clients of the demo. */
export class Fleet {
  private readonly clients: DemoClient[];
  private readonly busy: DemoClient[];
  private readonly rate: number;

  /** @param isBusy whether a client sends all the time; otherwise only when it is probed */
  constructor(
    { clients, rate, seed }: Pick<DemoOptions, 'clients' | 'rate' | 'seed'>,
    url: string,
    isBusy = (index: number) => index % 2 === 0,
  ) {
    this.rate = rate;
    this.clients = Array.from({ length: clients }, (_, index) => {
      const kind = isBusy(index) ? 'busy' : 'idle';
      return new DemoClient(url, index, kind, rate, seededRandom(seed + index * 7919));
    });
    this.busy = this.clients.filter(({ kind }) => kind === 'busy');
  }

  /** False when a client could not connect within the limit. */
  async connect(): Promise<boolean> {
    const waiting = [...this.clients];
    const worker = async () => {
      for (let client = waiting.pop(); client; client = waiting.pop()) {
        await client.connect();
      }
    };
    void Promise.all(Array.from({ length: CONNECT_AT_ONCE }, worker));
    return until(() => this.connected === this.clients.length, SETTLE_MS);
  }

  start(): void {
    for (const client of this.busy) {
      client.start();
    }
  }

  /** Waits until every client is connected, and every busy one was answered from now on. */
  settle(): Promise<boolean> {
    const now = performance.now();
    return until(
      () =>
        this.connected === this.clients.length &&
        this.busy.every((client) => client.hasAnswerSince(now)),
      SETTLE_MS + 3000 / this.rate,
    );
  }

  /** Returns how many busy clients miss an answer. */
  async stop(): Promise<number> {
    return countFalse(await Promise.all(this.busy.map((client) => client.stop())));
  }

  /** One message each way for every idle client; returns how many were not answered. */
  async probeIdle(): Promise<number> {
    const idle = this.clients.filter(({ kind }) => kind === 'idle');
    return countFalse(await Promise.all(idle.map((client) => client.probe())));
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
  }

  get connected(): number {
    return this.clients.filter(({ isConnected }) => isConnected).length;
  }

  get failedConnects(): number {
    return this.clients.reduce((sum, { failedConnects }) => sum + failedConnects, 0);
  }

  get sessions(): SessionRecord[] {
    return this.clients.flatMap(({ connections }) => connections.map(({ record }) => record));
  }

  get pauses(): number[] {
    return this.busy.flatMap((client) => client.pauses());
  }

  /** For the eye, while it runs. */
  describe(): string {
    const sessions = this.sessions;
    const up = sessions.reduce((sum, { sent }) => sum + sent, 0);
    const down = sessions.reduce((sum, { received }) => sum + received.length, 0);
    const closes = sessions.filter(({ closedBy }) => closedBy === 'server').length;
    return `${this.connected} connected, ${up} up, ${down} down, ${closes} closed by a server`;
  }
}

function countFalse(list: readonly boolean[]): number {
  return list.filter((value) => !value).length;
}
