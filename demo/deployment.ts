import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonicMicros } from '../sample/02-rolling-deploy/src/ledger.js';
import { Admin } from '../sample/03-ingress-reload/src/admin.js';
import { FAULT_VARIABLES } from './fault-variables.js';
import type { Outage } from './ledger.js';
import { ManagedProcess } from './managed-process.js';
import type { DemoOptions } from './options.js';
import { INGRESS_VARIABLES, type IngressId, ServiceProxies } from './service-proxies.js';
import { until } from './until.js';

const APP = fileURLToPath(new URL('../sample/02-rolling-deploy/src/main.js', import.meta.url));
const START_MS = 30_000;
/** The library's shutdown budget of 30 s, and time for what comes after. */
const STOP_MS = 45_000;

/** What the demo reads of the relay's `MigrationService.stats()`. */
export interface RelayStats {
  clients: number;
  servers: {
    serverId: string;
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
  serverId: string;
  process: ManagedProcess;
  /** Its ways to the relay, when there are faults. */
  proxies?: ServiceProxies;
}

export interface DeploymentSettings {
  /** The app of all processes. */
  app?: string;
  /** Path of the gateway; default `/ledger`. */
  path?: string;
  /** Variables of all processes. */
  variables?: NodeJS.ProcessEnv;
}

/** The processes of a deployment: one relay, and hub servers that come and go. */
export class Deployment {
  /** The ledgers of all hub servers that ever ran. */
  readonly ledgers: string[] = [];
  /** Kills, and freezes that were long enough to lose the clients. */
  readonly outages: Outage[] = [];
  /** What went wrong with processes. */
  readonly problems: string[] = [];
  private readonly processes: ManagedProcess[] = [];
  private readonly secret = randomBytes(32).toString('hex');
  private readonly adminToken = randomBytes(32).toString('hex');
  private relay?: ManagedProcess;
  private url = '';

  constructor(
    private readonly options: Pick<DemoOptions, 'mode' | 'rate' | 'faults'>,
    private readonly directory: string,
    private readonly settings: DeploymentSettings = {},
  ) {}

  /** Where clients connect. */
  get clientUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}${this.settings.path ?? '/ledger'}`;
  }

  /** @param variables for the relay alone */
  async startRelay(variables: NodeJS.ProcessEnv = {}): Promise<void> {
    this.relay = this.start('relay', {
      MIGRATION_ROLE: 'relay',
      MIGRATION_ADMIN_ENABLED: 'true',
      MIGRATION_ADMIN_TOKENS: this.adminToken,
      PORT: '0',
      HOST: '127.0.0.1',
      ...(this.options.faults && INGRESS_VARIABLES),
      ...variables,
    });
    this.url = await this.relay.waitForOutput(/relay listening on (http:\/\/\S+)/, START_MS);
  }

  get admin(): Admin {
    return new Admin(`${this.url}/migration/admin`, this.adminToken);
  }

  /** Where the relay listens, for hub servers too. */
  get relayPort(): number {
    return Number(new URL(this.url).port);
  }

  /**
   * Starts a hub server and waits until the relay has it.
   *
   * @param ports where it dials the relay, when that is not the relay's own port
   */
  async startServer(name: string, version: number, ports?: number[]): Promise<RunningServer> {
    const ledger = join(this.directory, `${name}-${version}.jsonl`);
    this.ledgers.push(ledger);
    const { faults } = this.options;
    const proxies = faults ? await ServiceProxies.start(this.relayPort) : undefined;
    const dialled = ports ?? proxies?.ports ?? [this.relayPort];
    const server = this.start(`${name} version ${version}`, {
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: dialled
        .map((port) => `ws://127.0.0.1:${port}/migration/service`)
        .join(','),
      MIGRATION_HUB_SERVER_NAME: name,
      MIGRATION_HUB_VERSION: String(version),
      MIGRATION_SHUTDOWN_MODE: this.options.mode,
      LEDGER_FILE: ledger,
      LEDGER_PUSHES_PER_SECOND: String(this.options.rate),
    });
    let serverId: string | undefined;
    const isThere = async () => {
      const { servers } = await this.stats();
      serverId = servers.find(
        (known) =>
          known.serverName === name &&
          known.version === String(version) &&
          !known.draining &&
          known.serviceConnections > 0,
      )?.serverId;
      return serverId !== undefined;
    };
    await until(async () => server.hasExited || (await isThere()), START_MS);
    if (serverId === undefined || server.hasExited) {
      throw server.failure('was not taken by the relay');
    }
    return { name, version, serverId, process: server, ...(proxies && { proxies }) };
  }

  /** A new version in, then the old one drained out by SIGTERM. */
  async replace(old: RunningServer): Promise<RunningServer> {
    const fresh = await this.startServer(old.name, old.version + 1);
    await this.stop(old.process);
    await old.proxies?.close();
    return fresh;
  }

  /** SIGKILL. */
  async kill(server: RunningServer): Promise<void> {
    this.outages.push({ server: server.serverId, from: monotonicMicros(), to: Infinity });
    server.process.kill();
    await until(() => server.process.hasExited, STOP_MS);
    // What the dead process had sent has left the proxy before its end does.
    await until(() => server.proxies?.connections.every(({ harmed }) => harmed) ?? true, STOP_MS);
    await server.proxies?.close();
  }

  /** SIGSTOP until the relay has given the server up, and some more; then SIGCONT. */
  async freezeLong(server: RunningServer, moreMs: number): Promise<void> {
    const outage = { server: server.serverId, from: monotonicMicros(), to: Infinity };
    this.outages.push(outage);
    server.process.freeze();
    const isGone = await until(
      async () => (await this.connectionsOf(server)) === undefined,
      STOP_MS,
    );
    await sleep(moreMs);
    server.process.thaw();
    const isBack = await until(async () => (await this.connectionsOf(server))! > 0, STOP_MS);
    outage.to = monotonicMicros();
    if (!isGone || !isBack) {
      this.problems.push(`${server.name} was ${isGone ? 'not taken again' : 'never given up'}`);
    }
  }

  /** SIGSTOP, and SIGCONT before anybody takes the server for dead. */
  async freezeShort(server: RunningServer, milliseconds: number): Promise<void> {
    server.process.freeze();
    await sleep(milliseconds);
    server.process.thaw();
  }

  /** Cuts all service connections and keeps the server away for so long. */
  async isolate({ proxies }: RunningServer, milliseconds: number): Promise<void> {
    proxies?.refuse(true);
    proxies?.reset();
    await sleep(milliseconds);
    proxies?.refuse(false);
  }

  /**
   * Cuts all service connections through an ingress, as the end of its old workers does, and waits
   * for others through it.
   */
  async reload(ingress: IngressId, servers: readonly RunningServer[]): Promise<void> {
    const proxies = servers.map((server) => server.proxies!.through(ingress));
    for (const proxy of proxies) {
      proxy.reset();
    }
    const isBack = () => proxies.every(({ healthy }) => healthy.length > 0);
    if (!(await until(isBack, START_MS))) {
      this.problems.push(`not every hub server dialled again through ${ingress}`);
    }
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
    await Promise.all(servers.map(({ proxies }) => proxies?.close()));
    if (this.relay) {
      await this.stop(this.relay);
    }
  }

  /** At once, for the end of the demo's own process. */
  killAll(): void {
    for (const child of this.processes) {
      child.kill();
    }
  }

  /** Service connections of a server that the relay knows. */
  private async connectionsOf({ serverId }: RunningServer): Promise<number | undefined> {
    const { servers } = await this.stats();
    return servers.find((known) => known.serverId === serverId)?.serviceConnections;
  }

  private start(name: string, env: NodeJS.ProcessEnv): ManagedProcess {
    const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('MIGRATION_'));
    const args = ['--enable-source-maps', this.settings.app ?? APP];
    const child = new ManagedProcess(name, process.execPath, args, {
      env: {
        ...Object.fromEntries(inherited),
        NO_COLOR: '1',
        MIGRATION_SECURITY_SECRETS: this.secret,
        ...(this.options.faults && FAULT_VARIABLES),
        ...this.settings.variables,
        ...env,
      },
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
