import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess } from './managed-process.js';
import type { DemoOptions } from './options.js';
import { until } from './until.js';

const APP = fileURLToPath(new URL('../sample/02-rolling-deploy/src/main.js', import.meta.url));
const START_MS = 30_000;
/** The library's shutdown budget of 30 s, and time for what comes after. */
const STOP_MS = 45_000;

/** What the demo reads of the relay's `MigrationService.stats()`. */
export interface RelayStats {
  clients: number;
  servers: {
    serverName: string;
    version: string;
    draining: boolean;
    serviceConnections: number;
  }[];
  migrations: number;
  failedMigrations: Record<string, number>;
}

export interface RunningServer {
  name: string;
  version: number;
  process: ManagedProcess;
}

/** The processes of a deployment: one relay, and hub servers that come and go. */
export class Deployment {
  /** The ledgers of all hub servers that ever ran. */
  readonly ledgers: string[] = [];
  /** What went wrong with processes. */
  readonly problems: string[] = [];
  private readonly processes: ManagedProcess[] = [];
  private readonly secret = randomBytes(32).toString('hex');
  private relay?: ManagedProcess;
  private url = '';

  constructor(
    private readonly options: DemoOptions,
    private readonly directory: string,
  ) {}

  /** Where clients connect. */
  get clientUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}/ledger`;
  }

  async startRelay(): Promise<void> {
    this.relay = this.start('relay', { MIGRATION_ROLE: 'relay', PORT: '0', HOST: '127.0.0.1' });
    this.url = await this.relay.waitForOutput(/relay listening on (http:\/\/\S+)/, START_MS);
  }

  /** Starts a hub server and waits until the relay has it. */
  async startServer(name: string, version: number): Promise<RunningServer> {
    const ledger = join(this.directory, `${name}-${version}.jsonl`);
    this.ledgers.push(ledger);
    const server = this.start(`${name} version ${version}`, {
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: `${this.url.replace(/^http/, 'ws')}/migration/service`,
      MIGRATION_HUB_SERVER_NAME: name,
      MIGRATION_HUB_VERSION: String(version),
      MIGRATION_SHUTDOWN_MODE: this.options.mode,
      LEDGER_FILE: ledger,
      LEDGER_PUSHES_PER_SECOND: String(this.options.rate),
    });
    const isThere = async () => {
      const { servers } = await this.stats();
      return servers.some(
        (known) =>
          known.serverName === name &&
          known.version === String(version) &&
          !known.draining &&
          known.serviceConnections > 0,
      );
    };
    const found = await until(async () => server.hasExited || (await isThere()), START_MS);
    if (!found || server.hasExited) {
      throw server.failure('was not taken by the relay');
    }
    return { name, version, process: server };
  }

  /** A new version in, then the old one drained out by SIGTERM. */
  async replace(old: RunningServer): Promise<RunningServer> {
    const fresh = await this.startServer(old.name, old.version + 1);
    await this.stop(old.process);
    return fresh;
  }

  async stats(): Promise<RelayStats> {
    if (!this.relay || this.relay.hasExited) {
      throw this.relay?.failure('has ended') ?? new Error('the relay was not started');
    }
    const answer = await fetch(`${this.url}/stats`, { signal: AbortSignal.timeout(START_MS) });
    if (!answer.ok) {
      throw this.relay.failure(`answered GET /stats with ${answer.status}`);
    }
    const { relay } = (await answer.json()) as { relay: RelayStats };
    return relay;
  }

  /** Stops hub servers, then the relay. */
  async stopAll(servers: readonly RunningServer[]): Promise<void> {
    await Promise.all(servers.map(({ process }) => this.stop(process)));
    if (this.relay) {
      await this.stop(this.relay);
    }
  }

  /** At once, for the end of the demo's own process. */
  kill(): void {
    for (const child of this.processes) {
      child.kill();
    }
  }

  private start(name: string, env: NodeJS.ProcessEnv): ManagedProcess {
    const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('MIGRATION_'));
    const child = new ManagedProcess(name, APP, {
      ...Object.fromEntries(inherited),
      NO_COLOR: '1',
      MIGRATION_SECURITY_SECRETS: this.secret,
      ...env,
    });
    this.processes.push(child);
    return child;
  }

  private async stop(child: ManagedProcess): Promise<void> {
    const problem = await child.stop(STOP_MS);
    if (problem) {
      this.problems.push(problem);
    }
  }
}
