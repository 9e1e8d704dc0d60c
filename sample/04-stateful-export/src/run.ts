import type { Deployment, RunningServer } from '../../../demo/deployment.js';
import type { Progress } from '../../../demo/progress.js';
import { until } from '../../../demo/until.js';
import { ExportClient } from './export-client.js';
import type { ExportOptions } from './options.js';
import { planSteps } from './plan.js';
import { isClean, judge, type Verdict } from './verdict.js';

const CONNECT_MS = 30_000;
const SETTLE_MS = 60_000;
const MOVE_MS = 30_000;
const EMPTY_MS = 15_000;

export interface ExportResult {
  verdict: Verdict;
  durationMs: number;
  /** What was wrong apart from what clients saw. */
  problems: string[];
  clean: boolean;
}

/** Deploys and kills under traffic; all processes have ended when this resolves. */
export async function runExports(
  options: ExportOptions,
  deployment: Deployment,
  progress: Progress,
): Promise<ExportResult> {
  const started = performance.now();
  const play = new Play(options, deployment, progress);
  await play.start();
  await play.steps();
  await play.end();
  const verdict = judge(play.clients);
  play.expect(options.deploys === 0 || verdict.continued > 0, 'no export was continued elsewhere');
  const moves = options.deploys + options.kills;
  play.expect(moves === 0 || verdict.cancelsDuringMoves > 0, 'nothing was cancelled during a move');
  const { problems } = play;
  return {
    verdict,
    durationMs: Math.round(performance.now() - started),
    problems,
    clean: isClean(verdict) && problems.length === 0,
  };
}

class Play {
  readonly clients: ExportClient[] = [];
  readonly problems: string[] = [];
  private servers: RunningServer[] = [];

  constructor(
    private readonly options: ExportOptions,
    private readonly deployment: Deployment,
    private readonly progress: Progress,
  ) {}

  expect(holds: boolean, problem: string): void {
    if (!holds) {
      this.problems.push(problem);
    }
  }

  async start(): Promise<void> {
    const { deployment, progress, options } = this;
    progress.phase('starting a relay and two hub servers of release 1');
    await deployment.startRelay();
    this.servers = await Promise.all(
      ['hub-a', 'hub-b'].map((name) => deployment.startServer(name, 1)),
    );
    progress.phase(`connecting ${options.clients} clients to ${deployment.clientUrl}`);
    for (let number = 1; number <= options.clients; number += 1) {
      this.clients.push(new ExportClient(deployment.clientUrl, `c${number}`, options.rows));
    }
    progress.live = () => this.describe();
    if (!(await until(() => this.clients.every(({ isServed }) => isServed), CONNECT_MS))) {
      throw new Error('not every client could connect');
    }
    for (const client of this.clients) {
      client.start();
    }
    await this.settle('the start');
  }

  async steps(): Promise<void> {
    const steps = planSteps(this.options.deploys, this.options.kills);
    const counts = { deploy: 0, kill: 0 };
    for (const step of steps) {
      counts[step] += 1;
      await (step === 'deploy' ? this.deploy(counts.deploy) : this.kill(counts.kill));
    }
  }

  async end(): Promise<void> {
    const { deployment, progress, clients } = this;
    progress.phase('waiting for the exports that are under way, comparing the states');
    await Promise.all(clients.map((client) => client.stop()));
    await Promise.all(clients.map((client) => client.leave()));
    const isEmpty = async () => (await deployment.stats()).clients === 0;
    this.expect(await until(isEmpty, EMPTY_MS), 'the relay still counts clients');
    progress.phase('stopping all processes');
    await deployment.stopAll(this.servers);
    this.problems.push(...deployment.problems);
  }

  /** Replaces the server with the oldest release by the next one. */
  private async deploy(number: number): Promise<void> {
    const [old] = this.servers.toSorted((a, b) => a.version - b.version);
    const index = this.servers.indexOf(old!);
    this.servers[index] = await this.deployment.replace(old!);
    const { name, version } = this.servers[index];
    this.progress.phase(`deploy ${number}: ${name} is release ${version}, ${this.describe()}`);
    await this.settle(`deploy ${number}`);
  }

  /** Kills a server under its clients, and starts it again. */
  private async kill(number: number): Promise<void> {
    const index = number % this.servers.length;
    const { name, version } = this.servers[index]!;
    await this.deployment.kill(this.servers[index]!);
    await this.settle(`kill ${number}`);
    const fresh = await this.deployment.startServer(name, version);
    this.servers[index] = fresh;
    await this.moveHalf(fresh);
    this.progress.phase(`kill ${number}: ${name} came back, ${this.describe()}`);
    await this.settle(`the return of ${name}`);
  }

  /** Has the relay move every second client to a server that came back without any. */
  private async moveHalf({ serverId, name }: RunningServer): Promise<void> {
    const { admin } = this.deployment;
    const links = await admin.links();
    const half = links.filter((_, index) => index % 2 === 0).map((it) => it.connectionId);
    await Promise.all(half.map((it) => admin.migrate(it, { serverId }, MOVE_MS)));
    const haveMoved = async () => {
      const now = await admin.links();
      const there = new Set(
        now.filter((it) => it.server === serverId).map((it) => it.connectionId),
      );
      return half.every((it) => there.has(it));
    };
    this.expect(await until(haveMoved, MOVE_MS), `clients that were to move to ${name} did not`);
  }

  /** Waits until every client is served in every way. */
  private async settle(after: string): Promise<void> {
    const before = this.clients.map((client) => client.progress());
    const areServed = () =>
      this.clients.every((client, index) => client.servedSince(before[index]!));
    this.expect(await until(areServed, SETTLE_MS), `after ${after} not every client is served`);
  }

  private describe(): string {
    const { rows, cancels, increments, continued } = judge(this.clients);
    return `${rows} rows, ${continued} exports continued, ${cancels} cancelled, ${increments} increments`;
  }
}
