import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from './until.js';

const KEPT_LINES = 40;

export interface ProcessSettings {
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Whether it has children of its own: a kill takes them along. */
  hasChildren?: boolean;
  /** Called with each line of its output. */
  onLine?: (line: string) => void;
}

/** A process of the demo, ended by its own handle. */
export class ManagedProcess {
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private spawnError?: Error;

  constructor(
    readonly name: string,
    file: string,
    args: readonly string[],
    private readonly settings: ProcessSettings,
  ) {
    const { env, cwd, hasChildren } = settings;
    this.child = spawn(file, args, {
      env,
      cwd,
      detached: hasChildren,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.on('error', (error) => (this.spawnError = error));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream! }).on('line', (line) => this.keep(line));
    }
  }

  get hasExited(): boolean {
    const { exitCode, signalCode } = this.child;
    return exitCode !== null || signalCode !== null || this.spawnError !== undefined;
  }

  /** The first group of the pattern in a line of the output. */
  async waitForOutput(pattern: RegExp, limitMs: number): Promise<string> {
    const find = () => this.lines.map((line) => pattern.exec(line)?.[1]).find(Boolean);
    await until(() => find() !== undefined || this.hasExited, limitMs);
    const found = find();
    if (found === undefined) {
      throw this.failure(`did not print ${pattern}`);
    }
    return found;
  }

  /** SIGTERM, then SIGKILL at the limit. Returns what was wrong with the end, if anything. */
  async stop(limitMs: number): Promise<string | undefined> {
    if (this.hasExited) {
      return `${this.name} had already ended: ${this.ending}`;
    }
    this.child.kill('SIGTERM');
    if (!(await until(() => this.hasExited, limitMs))) {
      this.kill();
      return `${this.name} did not end within ${limitMs} ms of SIGTERM`;
    }
    const { exitCode, signalCode } = this.child;
    // Nest sends itself the signal again when it is done.
    return exitCode === 0 || signalCode === 'SIGTERM' ? undefined : `${this.name}: ${this.ending}`;
  }

  /** SIGKILL. */
  kill(): void {
    if (this.hasExited) {
      return;
    }
    if (this.settings.hasChildren) {
      process.kill(-this.child.pid!, 'SIGKILL');
    } else {
      this.child.kill('SIGKILL');
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Stops it as it stands, until {@link thaw}. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** An error with the end of the process's output. */
  failure(what: string): Error {
    const state = this.hasExited ? ` (${this.ending})` : '';
    return new Error(`${this.name} ${what}${state}\n${this.lines.join('\n')}`);
  }

  private get ending(): string {
    const { exitCode, signalCode } = this.child;
    return this.spawnError?.message ?? (signalCode ? signalCode : `exit code ${exitCode}`);
  }

  private keep(line: string): void {
    this.settings.onLine?.(line);
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) {
      this.lines.shift();
    }
  }
}
