import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Message, MessageOf } from './messages.js';

const LIMIT_MS = 20_000;
const KEPT_LINES = 40;

/** How a process is started. */
export interface StartOptions {
  /** Core that the process may use; undefined: any. */
  readonly core?: number | undefined;
  /**
   * How it talks with the bench: as Node.js processes do, or in lines of text on its standard input
   * and output.
   */
  readonly channel: 'ipc' | 'lines';
  readonly cwd?: string;
}

/** A process of the bench; it is ended by its own handle. */
export class BenchProcess {
  private readonly child: ChildProcess;
  private readonly messages: Message[] = [];
  private readonly lines: string[] = [];
  private ending: string | undefined;
  private changed: () => void = () => {};

  constructor(
    readonly name: string,
    program: readonly string[],
    private readonly options: StartOptions,
  ) {
    const { core, channel, cwd } = options;
    const all = core === undefined ? program : ['taskset', '-c', String(core), ...program];
    const [command, ...args] = all;
    const isLines = channel === 'lines';
    this.child = spawn(command!, args, {
      stdio: isLines ? ['pipe', 'pipe', 'pipe'] : ['ignore', 'ignore', 'pipe', 'ipc'],
      cwd,
    });
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.keep(line));
    if (isLines) {
      createInterface({ input: this.child.stdout! }).on('line', (line) => this.onLine(line));
      // That the process has gone is found out where its answer is awaited.
      this.child.stdin!.on('error', () => {});
    }
    this.child.on('message', (message) => this.onMessage(message as Message));
    this.child.on('error', (error) => this.end(error.message));
    this.child.on('exit', (code, signal) => this.end(signal ?? `exit code ${code}`));
  }

  get pid(): number {
    return this.child.pid!;
  }

  get hasEnded(): boolean {
    return this.ending !== undefined;
  }

  tell(message: string): void {
    if (this.options.channel === 'lines') this.child.stdin!.write(`${message}\n`);
    else this.child.send(message, () => {});
  }

  /** The next message, which has to be of this kind. */
  async next<Kind extends Message['kind']>(
    kind: Kind,
    limitMs = LIMIT_MS,
  ): Promise<MessageOf<Kind>> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const message = this.messages.shift();
      if (message?.kind === kind) return message as MessageOf<Kind>;
      if (message?.kind === 'failed') throw this.failure(message.reason);
      if (message) throw this.failure(`said "${message.kind}" instead of "${kind}"`);
      if (this.ending) throw this.failure(`ended: ${this.ending}`);
      if (performance.now() > deadline) throw this.failure(`did not say "${kind}" in time`);
      await this.change(deadline - performance.now());
    }
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  /** Waits for a normal end, or one by the signal that was sent. */
  async whenEnded(signal?: 'SIGTERM'): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    while (!this.hasEnded && performance.now() < deadline) {
      await this.change(deadline - performance.now());
    }
    if (this.ending === 'exit code 0' || (signal && this.ending === signal)) return;
    throw this.failure(`should have ended: ${this.ending}`);
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.hasEnded) this.child.kill(signal);
  }

  failure(what: string): Error {
    return new Error([`${this.name}: ${what}`, ...this.lines].join('\n  '));
  }

  /** Resolves with the next message, with the end of the process, or after the time. */
  private change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.changed = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }

  private end(how: string): void {
    this.ending ??= how;
    this.changed();
  }

  private onLine(line: string): void {
    if (line.startsWith('{')) this.onMessage(JSON.parse(line) as Message);
    else this.keep(line);
  }

  private onMessage(message: Message): void {
    this.messages.push(message);
    this.changed();
  }

  private keep(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
  }
}
