import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../load/latency-histogram.js';
import { rssOf } from '../processes/proc.js';
import type { ServerProcess } from '../subjects/server-process.js';
import { measureCrash, measureMigration, measureMigrationUnderLoad } from './migration.js';
import type { Measure } from './scenarios.js';
import { otherLoad, type Trial, type Used } from './trial.js';

/** What was measured, by metric. Times are in microseconds unless the name says otherwise. */
export type Values = Readonly<Record<string, number>>;

const KIBIBYTE = 1024;
/** For what follows the upgrades, in milliseconds. */
const SETTLE_MS = 1000;

export const MEASURES: Record<Measure, (trial: Trial) => Promise<Values>> = {
  throughput: measureTraffic,
  scaling: measureTraffic,
  latency: measureTraffic,
  connect: measureConnect,
  memory: measureMemory,
  migration: measureMigration,
  migrationLoad: measureMigrationUnderLoad,
  crash: measureCrash,
};

async function measureTraffic(trial: Trial): Promise<Values> {
  const { load, scenario } = trial;
  await trial.connect();
  if (scenario.measure === 'latency') await trial.heatUp();
  load.start(scenario.traffic!);
  await sleep(trial.warmUpMs);
  await load.measure();
  trial.begin();
  await sleep(trial.measureMs);
  const { messages, seconds, cpuShare } = await load.end();
  const used = trial.used();
  const { latencies } = await load.stop();
  if (messages === 0) throw new Error('no message came in the measured time');
  const common = commonOf(used, messages, cpuShare);
  if (scenario.measure === 'latency') return { ...percentilesOf(latencies), ...common };
  return { rate: messages / seconds, perCore: (messages / used.micros) * 1e6, ...common };
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

function commonOf(used: Used, units: number, generatorShare: number): Values {
  const each = [...used.byRole].map(([role, micros]) => [`cpu ${role}`, micros / units]);
  return {
    ...Object.fromEntries(each),
    generatorShare,
    otherLoad: otherLoad(used, generatorShare),
  };
}

function percentilesOf(buckets: Parameters<typeof LatencyHistogram.from>[0]): Values {
  const histogram = LatencyHistogram.from(buckets);
  const micros = (share: number) => histogram.percentile(share) / 1000;
  return { p50: micros(0.5), p99: micros(0.99), p999: micros(0.999) };
}
