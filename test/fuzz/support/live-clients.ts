import { vi } from 'vitest';
import { WebSocket } from 'ws';

const CLIENTS = 6;
const INTERVAL_MS = 20;
const LIMIT_MS = 20_000;

interface LiveClient {
  socket: WebSocket;
  sent: number;
  received: number;
}

/** Ordinary clients that send numbered messages all the time and check every echo. */
export class LiveClients {
  /** Everything that must not happen: lost, doubled or swapped echoes, closed connections. */
  readonly problems: string[] = [];
  private readonly clients: LiveClient[] = [];
  private timer: NodeJS.Timeout | undefined;

  static async start(url: string): Promise<LiveClients> {
    const live = new LiveClients();
    for (let i = 0; i < CLIENTS; i++) await live.connect(url, i);
    live.timer = setInterval(() => live.send(), INTERVAL_MS);
    return live;
  }

  get echoes(): number {
    return this.clients.reduce((sum, { received }) => sum + received, 0);
  }

  /** Waits until every client has got another echo. */
  async alive(): Promise<void> {
    const before = this.clients.map(({ received }) => received);
    await vi.waitFor(
      () => {
        if (this.clients.some(({ received }, i) => received <= before[i]!))
          throw new Error('no echo');
      },
      { timeout: LIMIT_MS, interval: 20 },
    );
  }

  /** Waits for the last echoes and closes. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await vi.waitFor(
      () => {
        if (this.clients.some(({ sent, received }) => received < sent)) throw new Error('lost');
      },
      { timeout: LIMIT_MS, interval: 20 },
    );
    for (const { socket } of this.clients) {
      socket.removeAllListeners('close');
      socket.close();
    }
  }

  private async connect(url: string, name: number) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const client = { socket, sent: 0, received: 0 };
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.on('error', (error) => this.problems.push(`client ${name}: ${error.message}`));
    socket.on('close', (code) => this.problems.push(`client ${name} was closed: ${code}`));
    socket.on('message', (data) => {
      const { data: number } = JSON.parse(String(data as Buffer)) as { data: number };
      client.received++;
      if (number !== client.received) {
        this.problems.push(`client ${name} got ${number} instead of ${client.received}`);
      }
    });
    this.clients.push(client);
  }

  private send() {
    for (const client of this.clients) {
      if (client.socket.readyState !== WebSocket.OPEN) continue;
      client.socket.send(JSON.stringify({ event: 'echo', data: ++client.sent }));
    }
  }
}
