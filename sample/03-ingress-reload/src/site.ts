import { join } from 'node:path';
import { Deployment, type RunningServer } from '../../../demo/deployment.js';
import { until } from '../../../demo/until.js';
import { freePort } from './free-port.js';
import { Ingress } from './ingress.js';
import type { ReloadOptions } from './options.js';

const JOIN_MS = 30_000;
const INGRESSES = ['ingress-a', 'ingress-b'];
const SERVERS = ['hub-a', 'hub-b'];

/**
 * A relay, two ingress instances in front of it, and two hub servers with a service connection
 * through each. Clients come another way. All but the ingresses is the app of sample 02.
 */
export class Site {
  readonly ingresses: Ingress[] = [];
  readonly deployment: Deployment;
  private servers: RunningServer[] = [];

  constructor(
    private readonly options: ReloadOptions,
    private readonly directory: string,
  ) {
    this.deployment = new Deployment(
      { ...options, rolls: 0, rate: RATE, mode: 'migrateClients', faults: false },
      directory,
      { variables: { MIGRATION_HUB_CONNECTIONS_PER_RELAY: '1' } },
    );
  }

  async start(): Promise<void> {
    const { flavour } = this.options;
    await this.deployment.startRelay();
    const { relayPort } = this.deployment;
    for (const id of INGRESSES) {
      const directory = join(this.directory, id);
      const port = await freePort();
      this.ingresses.push(new Ingress({ id, flavour, port, relayPort, directory }));
    }
    await Promise.all(this.ingresses.map((ingress) => ingress.ready()));
    const ports = this.ingresses.map(({ settings }) => settings.port);
    this.servers = await Promise.all(
      SERVERS.map((name) => this.deployment.startServer(name, 1, ports)),
    );
    await this.whole();
  }

  /** Waits until every hub server has a service connection through every ingress. */
  async whole(): Promise<void> {
    const isWhole = async () => {
      const { servers } = await this.deployment.stats();
      return servers.every(({ serviceConnections }) => serviceConnections === INGRESSES.length);
    };
    if (!(await until(isWhole, JOIN_MS))) {
      throw new Error('not every hub server has its service connections');
    }
  }

  /** Ends all, the hub servers first; returns what was wrong. */
  async stop(): Promise<string[]> {
    await this.deployment.stopAll(this.servers);
    const problems = await Promise.all(this.ingresses.map((ingress) => ingress.stop()));
    return [...this.deployment.problems, ...problems.filter((it) => it !== undefined)];
  }

  /** At once, for the end of this process. */
  killAll(): void {
    this.deployment.killAll();
    for (const ingress of this.ingresses) {
      ingress.kill();
    }
  }
}

/** Messages per second of a busy client, each way. */
export const RATE = 5;
