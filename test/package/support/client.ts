import { WebSocket } from 'ws';

const LIMIT_MS = 20_000;

/** An ordinary client of an application. */
export class Client {
  private constructor(
    private readonly socket: WebSocket,
    readonly closed: Promise<{ code: number; reason: string }>,
  ) {}

  static async connect(port: number, path: string): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { handshakeTimeout: LIMIT_MS });
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Client(socket, closed);
  }

  ask(event: string, data?: unknown): Promise<unknown> {
    const answer = new Promise((resolve) => {
      this.socket.once('message', (message) => resolve(JSON.parse(String(message as Buffer))));
    });
    this.socket.send(JSON.stringify({ event, data }));
    return answer;
  }

  /** What an application's gateway answers to the client that it serves. */
  async conversation(): Promise<unknown[]> {
    return [await this.ask('echo', 'hello'), await this.ask('url')];
  }
}
