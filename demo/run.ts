import { Deployment, type RunningServer } from './deployment.js';
import { type FaultCounts, Faults } from './faults.js';
import { Fleet } from './fleet.js';
import { readLedgers } from './ledger.js';
import type { DemoOptions } from './options.js';
import { type Pauses, summarize } from './pause.js';
import type { Progress } from './progress.js';
import { until } from './until.js';
import { isClean, judge } from './verdict.js';
import type { Verdict } from './verdict-counts.js';

const EMPTY_MS = 15_000;

export interface DemoResult {
  verdict: Verdict;
  migrations: number;
  failedMigrations: Record<string, number>;
  pauses: Pauses;
  /** What was done to the servers, with `--faults`. */
  faults?: FaultCounts;
  durationMs: number;
  /** What went wrong besides what the ledgers tell. */
  problems: string[];
  clean: boolean;
}

/** Runs the demo; the deployment's processes have ended when this resolves. */
export async function runDemo(
  options: DemoOptions,
  deployment: Deployment,
  progress: Progress,
): Promise<DemoResult> {
  const started = performance.now();
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) {
      problems.push(problem);
    }
  };

  progress.phase('starting a relay and two hub servers');
  await deployment.startRelay();
  const servers = await Promise.all(
    ['hub-a', 'hub-b'].map((name) => deployment.startServer(name, 1)),
  );

  progress.phase(`connecting ${options.clients} clients to ${deployment.clientUrl}`);
  const fleet = new Fleet(options, deployment.clientUrl);
  progress.live = () => fleet.describe();
  if (!(await fleet.connect())) {
    throw new Error(`only ${fleet.connected} of ${options.clients} clients could connect`);
  }
  fleet.start();
  expect(await fleet.settle(), 'before the first roll not every busy client was answered');

  const faults = options.faults ? new Faults(deployment, servers, options.seed) : undefined;
  faults?.startCutting();
  await rollAll(options, deployment, fleet, servers, progress, problems, faults);
  await faults?.stopCutting();

  progress.phase('stopping the busy clients, probing the idle ones');
  const unanswered = await fleet.stop();
  expect(unanswered === 0, `${unanswered} busy clients miss an answer`);
  const unreached = await fleet.probeIdle();
  expect(unreached === 0, `${unreached} idle clients were not reachable at the end`);
  const { migrations, failedMigrations } = await deployment.stats();

  progress.phase('closing all clients, then stopping all processes');
  await fleet.end();
  const empty = await until(async () => (await deployment.stats()).clients === 0, EMPTY_MS);
  expect(empty, 'the relay still counts clients after all of them left');
  await deployment.stopAll(servers);

  progress.phase('comparing the ledgers');
  const verdict = judge(
    options.mode,
    fleet.sessions,
    readLedgers(deployment.ledgers),
    options.faults ? deployment.outages : undefined,
  );
  const failed = total(failedMigrations);
  // An attempt whose service connection was cut is made again.
  expect(
    failed === 0 || options.faults,
    `${failed} migrations failed: ${JSON.stringify(failedMigrations)}`,
  );
  expect(
    migrations === verdict.moves,
    `the relay counted ${migrations} migrations, the gateways saw ${verdict.moves}`,
  );
  const mustMove = options.mode === 'migrateClients' && options.rolls > 0;
  expect(!mustMove || verdict.moves > 0, 'no client was migrated');
  expect(fleet.failedConnects === 0, `${fleet.failedConnects} attempts to connect failed`);
  problems.push(...deployment.problems);
  return {
    verdict,
    migrations,
    failedMigrations,
    pauses: summarize(fleet.pauses),
    ...(faults && { faults: faults.counts }),
    durationMs: Math.round(performance.now() - started),
    problems,
    clean: isClean(verdict) && problems.length === 0,
  };
}

/** Replaces every server, as often as asked for, under traffic; a fault after each. */
async function rollAll(
  options: DemoOptions,
  deployment: Deployment,
  fleet: Fleet,
  servers: RunningServer[],
  progress: Progress,
  problems: string[],
  faults: Faults | undefined,
): Promise<void> {
  const settle = async (after: string) => {
    if (!(await fleet.settle())) {
      problems.push(`after ${after} not every client is served: ${fleet.connected} connected`);
    }
  };
  for (let roll = 1; roll <= options.rolls; roll += 1) {
    for (const [index, old] of servers.entries()) {
      const { name, version } = old;
      servers[index] = await deployment.replace(old);
      progress.phase(
        `roll ${roll} of ${options.rolls}: ${name} version ${version} → ${version + 1}, ` +
          fleet.describe(),
      );
      await settle(`roll ${roll} of ${name}`);
      if (faults) {
        const fault = await faults.strike();
        progress.phase(`${fault}, ${fleet.describe()}`);
        await settle(fault);
      }
    }
  }
}

export function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, value) => sum + value, 0);
}
