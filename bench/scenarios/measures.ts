import { setTimeout as sleep } from 'node:timers/promises';
import { rssOf } from '../processes/proc.js';
import type { ServerProcess } from '../subjects/server-process.js';
import { measureCrash, measureMigration, measureMigrationUnderLoad } from './migration.js';
import type { Measure } from './scenarios.js';
import { measureSlice, valuesOf, warmUp } from './traffic.js';
import { commonOf, type Trial } from './trial.js';

/** What was measured, by metric. Times are in microseconds unless the name says otherwise. */
export type Values = Readonly<Record<string, number>>;

const KIBIBYTE = 1024;
/** For what follows the upgrades, in milliseconds. */
const SETTLE_MS = 1000;

/** Throughput is not among them: there subjects take turns. */
export const MEASURES: Record<Exclude<Measure, 'throughput'>, (trial: Trial) => Promise<Values>> = {
  latency: measureTraffic,
  scaling: measureTraffic,
  connect: measureConnect,
  memory: measureMemory,
  migration: measureMigration,
  migrationLoad: measureMigrationUnderLoad,
  crash: measureCrash,
};

async function measureTraffic(trial: Trial): Promise<Values> {
  await warmUp(trial);
  const slice = await measureSlice(trial, trial.measureMs);
  return valuesOf([slice], trial.scenario.measure === 'latency');
}

async function measureConnect(trial: Trial): Promise<Values> {
  trial.begin();
  const { seconds, cpuShare } = await trial.connect();
  const used = trial.used();
  const { clients } = trial.topology;
  return {
    rate: clients / seconds,
    perCore: (clients / used.micros) * 1e6,
    ...commonOf(used, clients, cpuShare),
  };
}

async function measureMemory(trial: Trial): Promise<Values> {
  const { processes } = trial.running;
  const before = await memoryOf(processes);
  await trial.connect();
  await sleep(SETTLE_MS);
  const after = await memoryOf(processes);
  const values: Record<string, number> = { rss: 0, heap: 0 };
  for (const [index, { role }] of processes.entries()) {
    for (const metric of ['rss', 'heap'] as const) {
      const each =
        (after[index]![metric] - before[index]![metric]) / KIBIBYTE / trial.topology.clients;
      values[metric]! += each;
      values[`${metric} ${role}`] = (values[`${metric} ${role}`] ?? 0) + each;
    }
  }
  return values;
}

function memoryOf(processes: readonly ServerProcess[]) {
  return Promise.all(
    processes.map(async (server) => {
      const heap = await server.collect();
      return { heap, rss: rssOf(server.pid) };
    }),
  );
}
