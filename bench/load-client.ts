import { connect, type Socket } from 'node:net';
import { FrameCounter, maskedFrame } from './frames.js';
import { MESSAGE_BYTES, PATH } from './scenarios.js';

/** All sockets read into one buffer: what they read is counted at once. */
const shared = Buffer.allocUnsafe(256 * 1024);
const HEADERS_END = '\r\n\r\n';
const PONG = maskedFrame('pong');

/** A WebSocket client that costs as little as possible: it counts what it gets. */
export class LoadClient {
  private readonly socket: Socket;
  private readonly counter = new FrameCounter(MESSAGE_BYTES);
  private headers = '';
  private isOpen = false;
  private opened!: () => void;
  readonly whenOpen = new Promise<void>((resolve) => (this.opened = resolve));

  constructor(
    host: string,
    port: number,
    private readonly onMessages: (client: LoadClient, count: number) => void,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.read(length);
          return true;
        },
      },
    });
    this.socket.on('error', onFailure);
    this.socket.on('close', () => onFailure(new Error('the server closed a connection')));
    this.socket.write(
      `GET ${PATH} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==${HEADERS_END}`,
    );
  }

  /** Sends whole frames. */
  send(frames: Buffer): void {
    this.socket.write(frames);
  }

  close(): void {
    this.socket.removeAllListeners('close');
    this.socket.destroy();
  }

  private read(length: number): void {
    try {
      const from = this.isOpen ? 0 : this.readHeaders(length);
      const count = this.counter.count(shared, from, length);
      for (let pings = this.counter.takePings(); pings > 0; pings -= 1) this.socket.write(PONG);
      if (count > 0) this.onMessages(this, count);
    } catch (error) {
      this.onFailure(error as Error);
    }
  }

  /** Where the frames begin. */
  private readHeaders(length: number): number {
    const before = this.headers.length;
    this.headers += shared.toString('latin1', 0, length);
    const end = this.headers.indexOf(HEADERS_END);
    if (end < 0) return length;
    if (!this.headers.startsWith('HTTP/1.1 101 ')) {
      throw new Error(`the server answered ${this.headers.slice(0, this.headers.indexOf('\r\n'))}`);
    }
    this.isOpen = true;
    this.opened();
    return end + HEADERS_END.length - before;
  }
}
