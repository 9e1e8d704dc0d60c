import { connect, type Socket } from 'node:net';
import { FrameCounter, maskedFrame, PING, PONG, TEXT } from './frames.js';
import type { Wire } from './wire.js';

const HOST = '127.0.0.1';
/** All sockets read into one buffer: what they read is counted at once. */
const shared = Buffer.allocUnsafe(256 * 1024);
const HEADERS_END = '\r\n\r\n';
const PONG_FRAME = maskedFrame('pong');
const ALIVE = maskedFrame('text', '3');

/** A WebSocket client that costs as little as possible: it counts what it gets. */
export class LoadClient {
  private readonly socket: Socket;
  private readonly counter: FrameCounter;
  private headers = '';
  private isUpgraded = false;
  private opened!: () => void;
  readonly whenOpen = new Promise<void>((resolve) => (this.opened = resolve));

  constructor(
    private readonly wire: Wire,
    { port, localAddress }: { port: number; localAddress: string | undefined },
    private readonly onAnswers: (client: LoadClient, count: number) => void,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.counter = new FrameCounter(wire.answer, (type, begin) => this.onOther(type, begin));
    const callback = (length: number) => {
      this.read(length);
      return true;
    };
    this.socket = connect({
      host: HOST,
      port,
      ...(localAddress && { localAddress }),
      noDelay: true,
      onread: { buffer: shared, callback },
    });
    this.socket.on('error', onFailure);
    this.socket.on('close', () => onFailure(new Error('the server closed a connection')));
    this.socket.write(
      `GET ${wire.path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==${HEADERS_END}`,
    );
  }

  /** Sends whole frames. */
  send(frames: Buffer): void {
    this.socket.write(frames);
  }

  private read(length: number): void {
    try {
      const from = this.isUpgraded ? 0 : this.readHeaders(length);
      const count = this.counter.count(shared, from, length);
      if (count > 0) this.onAnswers(this, count);
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
    this.isUpgraded = true;
    if (this.wire.hello.length === 0) this.opened();
    return end + HEADERS_END.length - before;
  }

  private onOther(type: number, begin: string): void {
    if (type === PING) this.send(PONG_FRAME);
    else if (type === TEXT && begin === '2') this.send(ALIVE);
    else if (type === TEXT && begin === '40') this.opened();
    else if (type === TEXT && begin.startsWith('0')) this.send(this.wire.hello);
    else if (type !== PONG) throw new Error(`the server sent a frame 0x${type.toString(16)}`);
  }
}
