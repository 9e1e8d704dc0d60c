import type { Socket } from 'node:net';

/** `up` is from the one who connected to the target, `down` the way back. */
export type Direction = 'up' | 'down';

/** The bytes of one direction, on their way through the proxy. */
class Pipe {
  bytes = 0;
  delayMs = 0;
  swallowing = false;
  private held = false;
  private cut: { left: number; done: () => void } | undefined;
  private readonly late: (() => void)[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
  ) {
    source.on('data', (chunk: Buffer) => this.later(() => this.pass(chunk)));
    source.on('end', () => this.later(() => this.end()));
    sink.on('drain', () => this.flow());
  }

  hold(held: boolean): void {
    this.held = held;
    this.flow();
  }

  /** Lets so many bytes through, then none. */
  cutAfter(bytes: number, done: () => void): void {
    this.cut = { left: bytes, done };
    if (bytes === 0) this.pass(Buffer.alloc(0));
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private flow() {
    if (this.held || this.sink.writableNeedDrain) this.source.pause();
    else this.source.resume();
  }

  /** After the delay; in order, also when the delay has become shorter. */
  private later(action: () => void) {
    if (this.delayMs === 0 && this.late.length === 0) {
      action();
      return;
    }
    this.late.push(action);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.late.shift()!();
    }, this.delayMs);
    this.timers.add(timer);
  }

  private pass(chunk: Buffer) {
    if (this.swallowing || this.sink.destroyed) return;
    const { cut } = this;
    const part = cut ? chunk.subarray(0, cut.left) : chunk;
    this.bytes += part.length;
    if (part.length > 0 && !this.sink.write(part)) this.flow();
    if (!cut) return;
    cut.left -= part.length;
    if (cut.left > 0) return;
    this.swallowing = true;
    cut.done();
  }

  private end() {
    if (!this.swallowing) this.sink.end();
  }
}

/** One connection through a {@link TcpProxy}. */
export class ProxiedConnection {
  /** Settles when both sockets are closed; never rejects. */
  readonly closed: Promise<void>;
  /** Whether anything was done to it but a delay. */
  harmed = false;
  private readonly pipes: Record<Direction, Pipe>;

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
  ) {
    this.pipes = { up: new Pipe(near, far), down: new Pipe(far, near) };
    const ends = [near, far].map((socket, index) => {
      // An error is always followed by a close, which takes the other side along.
      socket.on('error', () => {});
      return new Promise<void>((resolve) => {
        socket.on('close', (failed) => {
          const other = index === 0 ? far : near;
          if (failed) other.resetAndDestroy();
          else other.destroySoon();
          resolve();
        });
      });
    });
    this.closed = Promise.all(ends).then(() => {
      this.pipes.up.stop();
      this.pipes.down.stop();
    });
  }

  /** How many bytes came out of the proxy in this direction. */
  bytes(direction: Direction): number {
    return this.pipes[direction].bytes;
  }

  delay(milliseconds: number): void {
    this.pipes.up.delayMs = this.pipes.down.delayMs = milliseconds;
  }

  /** Holds all bytes both ways, and also the news of an end. */
  stall(): void {
    this.harmed = true;
    this.pipes.up.hold(true);
    this.pipes.down.hold(true);
  }

  resume(): void {
    this.pipes.up.hold(false);
    this.pipes.down.hold(false);
  }

  /** Swallows what goes in this direction; the sender does not notice. */
  halfOpen(direction: Direction): void {
    this.harmed = true;
    this.pipes[direction].swallowing = true;
  }

  /** Cuts both sides by RST. */
  reset(): void {
    this.harmed = true;
    for (const socket of [this.near, this.far]) socket.resetAndDestroy();
  }

  /** Ends both sides by FIN; what still comes is swallowed. */
  fin(): void {
    this.harmed = true;
    this.pipes.up.swallowing = this.pipes.down.swallowing = true;
    for (const socket of [this.near, this.far]) {
      socket.end();
      socket.resume();
    }
  }

  /** Lets so many more bytes through in this direction, then ends both sides by FIN. */
  cutAfter(bytes: number, direction: Direction): void {
    this.harmed = true;
    this.pipes[direction].cutAfter(bytes, () => this.fin());
  }
}
