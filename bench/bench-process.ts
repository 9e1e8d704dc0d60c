import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Message, MessageOf } from './messages.js';

const LIMIT_MS = 20_000;
const KEPT_LINES = 40;

/** How a process is started. */
export interface StartOptions {
  /** Core that the process may use; undefined: any. */
  readonly core?: number | undefined;
  readonly nodeOptions?: readonly string[];
}

/** A process of the bench; it is ended by its own handle. */
export class BenchProcess {
  private readonly child: ChildProcess;
  private readonly messages: Message[] = [];
  private readonly lines: string[] = [];
  private ending: string | undefined;
  private changed: () => void = () => {};

  /** @param script file name beside this one, without its extension */
  constructor(
    readonly name: string,
    script: 'server' | 'generator',
    args: readonly string[],
    { core, nodeOptions = [] }: StartOptions,
  ) {
    const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
    const node = [process.execPath, '--enable-source-maps', ...nodeOptions, path, ...args];
    const [command, ...rest] = core === undefined ? node : ['taskset', '-c', String(core), ...node];
    this.child = spawn(command!, rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.keep(line));
    this.child.on('message', (message) => {
      this.messages.push(message as Message);
      this.changed();
    });
    this.child.on('error', (error) => this.end(error.message));
    this.child.on('exit', (code, signal) => this.end(signal ?? `exit code ${code}`));
  }

  get hasEnded(): boolean {
    return this.ending !== undefined;
  }

  tell(message: Message): void {
    // A process that has gone is found out where its answer is awaited.
    this.child.send(message, () => {});
  }

  /** The next message of this kind. */
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

  /** CPU time of the process so far, in microseconds. */
  async cpuMicros(): Promise<number> {
    this.tell({ kind: 'cpu?' });
    return (await this.next('cpu')).micros;
  }

  /** Asks the process to end. */
  async stop(): Promise<void> {
    this.tell({ kind: 'stop' });
    await this.whenEnded();
  }

  /** Waits for a normal end. */
  async whenEnded(): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
    while (!this.hasEnded && performance.now() < deadline) {
      await this.change(deadline - performance.now());
    }
    if (this.ending !== 'exit code 0') throw this.failure(`should have ended: ${this.ending}`);
  }

  kill(): void {
    if (!this.hasEnded) this.child.kill('SIGKILL');
  }

  private failure(what: string): Error {
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

  private keep(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
  }
}
