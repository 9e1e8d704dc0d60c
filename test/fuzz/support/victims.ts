import { WebSocket } from 'ws';

const COUNT = 12;

/** Clients of the evil hub servers: they come again whenever they are refused or closed. */
export class Victims {
  private readonly sockets = new Set<WebSocket>();
  private stopped = false;
  /** Times that a client was let in. */
  opened = 0;

  constructor(private readonly url: string) {
    for (let i = 0; i < COUNT; i++) this.connect();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([...this.sockets].map((socket) => this.end(socket)));
  }

  private connect() {
    const socket = new WebSocket(this.url);
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('open', () => {
      this.opened++;
      for (const message of ['a', 'b', 'c']) socket.send(message);
    });
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (!this.stopped) this.connect();
    });
  }

  private end(socket: WebSocket) {
    return new Promise((resolve) => {
      socket.once('close', resolve);
      socket.terminate();
    });
  }
}
