import { join } from 'node:path';
import { Deployment, type RunningServer } from '../../../demo/deployment.js';
import { until } from '../../../demo/until.js';
import { freePort } from './free-port.js';
import { Ingress } from './ingress.js';
import type { Flavour, ReloadOptions } from './options.js';

/** Messages per second of a busy client, each way. */
export const RATE = 5;

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
      { rate: RATE, mode: 'migrateClients', faults: false },
      directory,
      { variables: { MIGRATION_HUB_CONNECTIONS_PER_RELAY: '1' } },
    );
  }

  async start(): Promise<void> {
    const { flavour } = this.options;
    const ports = [await freePort(), await freePort()];
    await this.deployment.startRelay(ingressVariables(flavour, ports));
    const { relayPort } = this.deployment;
    for (const [index, id] of INGRESSES.entries()) {
      const directory = join(this.directory, id);
      this.ingresses.push(new Ingress({ id, flavour, port: ports[index]!, relayPort, directory }));
    }
    await Promise.all(this.ingresses.map((ingress) => ingress.ready()));
    this.servers = await Promise.all(
      SERVERS.map((name) => this.deployment.startServer(name, 1, ports)),
    );
    await this.whole();
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

  /** Waits until every hub server has a service connection through every ingress. */
  private async whole(): Promise<void> {
    const isWhole = async () => {
      const { servers } = await this.deployment.stats();
      return servers.every(({ serviceConnections }) => serviceConnections === INGRESSES.length);
    };
    if (!(await until(isWhole, JOIN_MS))) {
      throw new Error('not every hub server has its service connections');
    }
  }
}

/** How the relay knows through which ingress a connection came. */
function ingressVariables(flavour: Flavour, ports: readonly number[]): NodeJS.ProcessEnv {
  const trusted = { MIGRATION_RELAY_TRUSTED_PROXIES: '127.0.0.1' };
  if (flavour !== 'haproxy-proxy-protocol') {
    return { ...trusted, MIGRATION_RELAY_INGRESS_HEADER: 'x-ingress-instance' };
  }
  const entries = INGRESSES.map((id, index) => `${id}=127.0.0.1:${ports[index]}`);
  return {
    ...trusted,
    MIGRATION_RELAY_PROXY_PROTOCOL: 'accept',
    MIGRATION_RELAY_INGRESSES: entries.join(','),
  };
}
