import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { Deployment, type RunningServer } from '../../../demo/deployment.js';
import { Fleet } from '../../../demo/fleet.js';
import { readLedgers, type VisitRecord } from '../../../demo/ledger.js';
import type { DemoOptions } from '../../../demo/options.js';
import { summarize } from '../../../demo/pause.js';
import { until } from '../../../demo/until.js';
import { judge } from '../../../demo/verdict.js';

const app = fileURLToPath(
  new URL('../../../.build/sample/02-rolling-deploy/src/main.js', import.meta.url),
);
const LIMIT_MS = 30_000;
vi.setConfig({ testTimeout: 300_000 });

/** What a run with nothing lost, doubled, reordered or closed looks like. */
export const unharmed = {
  examples: [],
  duplicated: 0,
  outOfOrder: 0,
  foreign: 0,
  corrupted: 0,
  renamed: 0,
  unpaired: 0,
  unexpectedCloses: 0,
};

export interface Settings {
  clients: number;
  /** Messages per second and client, each way. */
  rate?: number;
  servers?: number;
  /** Variables of all processes. */
  variables?: NodeJS.ProcessEnv;
}

/** How large a test is: small in CI, larger by a variable. */
export function sizeOf(variable: string, usual: number): number {
  return Number(process.env[variable] ?? usual);
}

/**
 * A relay and hub servers with the app of sample 02, every hub server behind two proxies of its own, and
 * clients that send and get numbered messages all the time. Judged by the ledgers of both sides.
 */
export class FleetUnderFaults {
  readonly servers: RunningServer[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'migration-faults-'));
  readonly deployment: Deployment;
  private fleet!: Fleet;

  private constructor(
    private readonly options: DemoOptions,
    variables: NodeJS.ProcessEnv,
  ) {
    this.deployment = new Deployment(options, this.directory, { app, variables });
  }

  /** Call it inside a test; everything ends with the test. */
  static async start({ clients, rate = 5, servers = 2, variables = {} }: Settings) {
    const options: DemoOptions = {
      clients,
      rate,
      rolls: 0,
      seed: 1,
      mode: 'migrateClients',
      faults: true,
      json: false,
    };
    const it = new FleetUnderFaults(options, variables);
    onTestFinished(({ task }) => {
      it.deployment.killAll();
      if (task.result?.state === 'fail') {
        console.error(`the gateways' ledgers are in ${it.directory}`);
      } else {
        rmSync(it.directory, { recursive: true, force: true });
      }
    });
    await it.deployment.startRelay();
    const names = Array.from({ length: servers }, (_, index) => `hub-${index + 1}`);
    it.servers.push(
      ...(await Promise.all(names.map((name) => it.deployment.startServer(name, 1)))),
    );
    it.fleet = new Fleet(options, it.deployment.clientUrl, () => true);
    if (!(await it.fleet.connect())) throw new Error(`only ${it.fleet.describe()}`);
    it.fleet.start();
    await it.settle();
    return it;
  }

  /** Waits until every client has been answered from now on. */
  async settle(): Promise<void> {
    if (!(await this.fleet.settle())) throw new Error(`not served: ${this.fleet.describe()}`);
  }

  /** Waits until a server has both service connections and nothing was done to them. */
  async whole(server: RunningServer): Promise<void> {
    let state = '';
    const isWhole = async () => {
      const { servers } = await this.deployment.stats();
      const known = servers.find(({ serverId }) => serverId === server.serverId);
      const { healthy, connections } = server.proxies!;
      state = `${healthy.length} of ${connections.length} connections healthy, the relay has ${known?.serviceConnections}`;
      return healthy.length === 2 && known?.serviceConnections === 2;
    };
    if (!(await until(isWhole, LIMIT_MS))) throw new Error(`${server.name}: ${state}`);
  }

  /** Has the clients leave, ends everything, and compares the ledgers. */
  async end() {
    await this.settle();
    const unanswered = await this.fleet.stop();
    if (unanswered > 0) throw new Error(`${unanswered} clients miss an answer`);
    const stats = await this.deployment.stats();
    await this.fleet.end();
    const isEmpty = async () => (await this.deployment.stats()).clients === 0;
    if (!(await until(isEmpty, LIMIT_MS))) throw new Error('the relay still counts clients');
    await this.deployment.stopAll(this.servers);
    const { sessions, pauses, failedConnects } = this.fleet;
    const visits: VisitRecord[] = readLedgers(this.deployment.ledgers);
    const verdict = judge(this.options.mode, sessions, visits, this.deployment.outages);
    return { verdict, visits, sessions, stats, failedConnects, pauses: summarize(pauses) };
  }
}
