import type { WriteStream } from 'node:tty';

const EVERY_MS = 250;

/** One line per phase; on a terminal also a last line that is kept up to date. */
export class Progress {
  /** What the last line says. */
  live: () => string = () => '';
  private readonly started = performance.now();
  private readonly timer?: NodeJS.Timeout;

  constructor(private readonly stream: WriteStream) {
    if (stream.isTTY) {
      this.timer = setInterval(() => this.draw(), EVERY_MS).unref();
    }
  }

  phase(text: string): void {
    this.clear();
    const seconds = ((performance.now() - this.started) / 1000).toFixed(1);
    this.stream.write(`${seconds.padStart(6)} s  ${text}\n`);
  }

  end(): void {
    clearInterval(this.timer);
    this.clear();
  }

  private draw(): void {
    this.clear();
    this.stream.write(`          ${this.live()}`.slice(0, this.stream.columns - 1));
  }

  private clear(): void {
    if (this.stream.isTTY) {
      this.stream.write('\r\u001b[K');
    }
  }
}
