import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ATTEMPTS = 5;
const READY = /Ready to accept connections|\+monitor master/;

/** A real redis-server on a free port of this host, which keeps nothing on disk. */
export class RedisServer {
  private child: ChildProcess | undefined;
  private output = '';
  private readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-ws-migration-redis-'));

  private constructor(
    private readonly options: readonly string[],
    private currentPort = 0,
  ) {}

  /** A sentinel that watches a server under the name `main`. */
  static startSentinel({ port }: RedisServer): Promise<RedisServer> {
    const monitored = ['monitor', 'main', '127.0.0.1', `${port}`, '1'];
    return RedisServer.start(['--sentinel', '--sentinel', ...monitored]);
  }

  /** @param options of the command line, such as `['--requirepass', 'x']` */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(options);
    for (let attempt = 1; ; attempt++) {
      server.currentPort = await freePort();
      try {
        await server.run();
        return server;
      } catch (error) {
        // Somebody else may have taken the port meanwhile.
        if (attempt < ATTEMPTS) continue;
        server.dispose();
        throw error;
      }
    }
  }

  get port(): number {
    return this.currentPort;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again on its port, empty. */
  async run(): Promise<void> {
    this.output = '';
    // A sentinel keeps what it learns in its configuration file.
    const configuration = join(this.folder, 'redis.conf');
    writeFileSync(configuration, '');
    const where = [
      configuration,
      '--port',
      `${this.port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
    ];
    const args = [...where, '--save', '', '--appendonly', 'no', ...this.options];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', () => {
        if (READY.test(this.output)) resolve();
      });
      child.once('error', reject);
      child.once('close', () => reject(new Error(`redis-server did not start:\n${this.output}`)));
    });
  }

  /** Neither answers nor closes its connections until `thaw`. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  async end(): Promise<void> {
    await this.stop();
    this.dispose();
  }

  private dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  // A node of a cluster also takes the port 10000 above.
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    if (port < 55_000) return port;
  }
}
