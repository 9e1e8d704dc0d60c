import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DrainResult, MigrationStats } from 'nestjs-ws-migration';
import { onTestFailed, onTestFinished, vi } from 'vitest';
import { eventually } from '../../conformance/support/client.js';
import type { Answer, AppEvent } from './ipc.js';

const main = fileURLToPath(new URL('../../../.build/test/e2e/apps/main.js', import.meta.url));
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

/** Starting a process takes longer than anything it does later. */
const START_LIMIT_MS = 15_000;
const TAIL_LENGTH = 6000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A real process of the test app; it is gone when its test is. */
export class AppProcess {
  readonly events: AppEvent[] = [];
  readonly exited: Promise<Exit>;
  /** All it wrote to stdout and stderr. */
  output = '';
  exit: Exit | undefined;
  private readonly child: ChildProcess;
  private readonly calls = new Map<number, (answer: Answer) => void>();
  private lastCall = 0;

  /** Call it inside a test. Options are `MIGRATION_*` variables and those of the test app. */
  constructor(
    readonly name: string,
    options: Readonly<Record<string, string>> = {},
  ) {
    const { PATH } = process.env;
    this.child = fork(main, {
      env: { PATH, NO_COLOR: '1', ...options },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.child.on('message', (message: AppEvent | Answer) => this.receive(message));
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve((this.exit = { code, signal })));
    });
    onTestFailed(() => {
      console.error(`--- ${this.name}: ${JSON.stringify(this.exit ?? 'running')}\n${this.tail}`);
    });
    onTestFinished(async () => {
      this.kill('SIGKILL');
      await this.exited;
    });
  }

  /** Starts a process and waits until its app is up. */
  static async start(name: string, options?: Readonly<Record<string, string>>) {
    const app = new AppProcess(name, options);
    await app.ready();
    return app;
  }

  async ready(): Promise<AppEvent> {
    await vi.waitFor(
      () => {
        if (!this.exit && this.eventsOf('ready').length === 0) throw new Error(`no ${this.name}`);
      },
      { timeout: START_LIMIT_MS, interval: 10 },
    );
    const [ready] = this.eventsOf('ready');
    if (!ready) throw new Error(`${this.name} did not start:\n${this.tail}`);
    return ready;
  }

  get serverId(): string {
    return this.eventsOf('ready')[0]!.serverId as string;
  }

  get port(): number {
    return this.eventsOf('ready')[0]!.port as number;
  }

  /** Where clients connect to when this is a relay. */
  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  eventsOf(event: string, details: object = {}): AppEvent[] {
    const wanted = Object.entries({ event, ...details });
    return this.events.filter((it) => wanted.every(([key, value]) => it[key] === value));
  }

  /** Waits until so many events of this kind were reported. */
  async seen(event: string, details: object = {}, count = 1): Promise<AppEvent[]> {
    return eventually(() => {
      const found = this.eventsOf(event, details);
      if (found.length >= count) return found;
      throw new Error(
        `${this.name}: ${found.length} of ${count} ${event} ${JSON.stringify(details)}`,
      );
    });
  }

  stats(): Promise<MigrationStats> {
    return this.ask('stats') as Promise<MigrationStats>;
  }

  drain(): Promise<DrainResult> {
    return this.ask('drain') as Promise<DrainResult>;
  }

  /** Opens a gate behind which handlers of the app wait. */
  async open(gate: string): Promise<void> {
    await this.ask('open', gate);
  }

  /** Has the app do something and gives its result. */
  ask(command: string, argument?: unknown): Promise<unknown> {
    const call = ++this.lastCall;
    return new Promise((resolve, reject) => {
      this.calls.set(call, ({ result, error }) =>
        error ? reject(new Error(error)) : resolve(result),
      );
      void this.exited.then(() =>
        reject(new Error(`${this.name} ended before it answered ${command}`)),
      );
      this.child.send({ command, call, argument }, (error) => error && reject(error));
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.exit) this.child.kill(signal);
  }

  private get tail(): string {
    return this.output.slice(-TAIL_LENGTH);
  }

  private receive(message: AppEvent | Answer): void {
    if ('event' in message) {
      this.events.push(message as AppEvent);
    } else {
      this.calls.get((message as Answer).call)?.(message as Answer);
    }
  }
}
