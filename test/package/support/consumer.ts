import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const LIMIT_MS = 60_000;

/** Runs a command to its end. @throws Error with its output when it fails */
export function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** The package as it would be published. */
export class PackedPackage {
  private readonly folder = mkdtempSync(join(tmpdir(), 'migration-pack-'));
  readonly tarball: string;

  constructor() {
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', this.folder];
    this.tarball = join(this.folder, run(root, 'npm', ...args).trim());
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A folder with its own node_modules, and applications in it. */
export class Consumer {
  readonly folder = mkdtempSync(join(tmpdir(), 'migration-consumer-'));
  private readonly processes = new Set<ChildProcess>();

  constructor() {
    this.write('package.json', JSON.stringify({ name: 'consumer', private: true }));
  }

  install(...packages: string[]): void {
    const options = [
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--save-exact',
      '--loglevel=error',
    ];
    run(this.folder, 'npm', 'install', ...options, ...packages);
  }

  write(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }

  copy(source: string, path: string): void {
    cpSync(source, join(this.folder, path), { recursive: true });
  }

  version(name: string): string {
    const manifest = readFileSync(join(this.folder, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  }

  /** Runs code as a CommonJS or ES module. @returns what it printed */
  evaluate(kind: 'commonjs' | 'module', code: string): string {
    return run(this.folder, process.execPath, `--input-type=${kind}`, '-e', code).trim();
  }

  compile(app: string): void {
    run(join(this.folder, app), process.execPath, '../node_modules/typescript/bin/tsc', '-p', '.');
  }

  /** Starts an application; resolves when it listens. */
  async start(app: string, env: Record<string, string> = {}): Promise<RunningApp> {
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: join(this.folder, app),
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.processes.add(child);
    child.once('exit', () => this.processes.delete(child));
    const running = new RunningApp(child);
    await running.listening;
    return running;
  }

  remove(): void {
    for (const child of this.processes) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An application in a process of its own. */
export class RunningApp {
  port = 0;
  output = '';
  readonly listening: Promise<void>;
  readonly exited: Promise<number | null>;

  constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => void child.once('exit', resolve));
    this.listening = new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`not started:\n${this.output}`)), LIMIT_MS);
      const read = (chunk: Buffer) => {
        this.output += String(chunk);
        const [, port] = /^PORT=(\d+)$/m.exec(this.output) ?? [];
        if (port === undefined) return;
        this.port = Number(port);
        clearTimeout(limit);
        resolve();
      };
      child.stdout!.on('data', read);
      child.stderr!.on('data', read);
      child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${this.output}`)));
    });
  }

  /** Has the application call `app.close()`. @returns its exit code */
  close(): Promise<number | null> {
    this.child.stdin!.end('close\n');
    return this.exited;
  }

  /** Stops it as a platform does. */
  terminate(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exited;
  }
}
