import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../load/latency-histogram.js';
import type { Usage } from '../processes/messages.js';
import { measureCrash, measureMigration, measureMigrationUnderLoad } from './migration.js';
import type { Measure } from './scenarios.js';
import { type CpuByRole, sumOf, type Trial } from './trial.js';

/** What was measured, by metric. Times are in microseconds unless the name says otherwise. */
export type Values = Readonly<Record<string, number>>;

const KIBIBYTE = 1024;
/** For what follows the upgrades, in milliseconds. */
const SETTLE_MS = 1000;

export const MEASURES: Record<Measure, (trial: Trial) => Promise<Values>> = {
  throughput: measureTraffic,
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
  load.start(scenario.traffic!);
  await sleep(trial.warmUpMs);
  await trial.begin();
  load.measure();
  await sleep(trial.measureMs);
  const { messages, seconds, cpuShare } = await load.end();
  const used = await trial.used();
  const otherLoad = trial.otherLoad(used, cpuShare, seconds);
  const { latencies } = await load.stop();
  const common = { ...perUnit(used, messages), generatorShare: cpuShare, otherLoad };
  if (scenario.measure === 'latency') return { ...percentilesOf(latencies), ...common };
  return { rate: messages / seconds, perCore: (messages / sumOf(used)) * 1e6, ...common };
}

async function measureConnect(trial: Trial): Promise<Values> {
  await trial.begin();
  const { seconds, cpuShare } = await trial.connect();
  const used = await trial.used();
  const { clients } = trial.scenario;
  return {
    rate: clients / seconds,
    perCore: (clients / sumOf(used)) * 1e6,
    ...perUnit(used, clients),
    generatorShare: cpuShare,
    otherLoad: trial.otherLoad(used, cpuShare, seconds),
  };
}

async function measureMemory(trial: Trial): Promise<Values> {
  const { processes } = trial.running;
  const collect = () => Promise.all(processes.map((server) => server.usageCollected()));
  const before = await collect();
  await trial.connect();
  await sleep(SETTLE_MS);
  const after = await collect();
  const values: Record<string, number> = { rss: 0, heap: 0 };
  for (const [index, { role }] of processes.entries()) {
    for (const metric of ['rss', 'heap'] as const) {
      const bytes = valueOf(after[index]!, metric) - valueOf(before[index]!, metric);
      const each = bytes / KIBIBYTE / trial.scenario.clients;
      values[metric]! += each;
      values[`${metric} ${role}`] = (values[`${metric} ${role}`] ?? 0) + each;
    }
  }
  return values;
}

const valueOf = (usage: Usage, metric: 'rss' | 'heap') => usage[metric] ?? 0;

function perUnit(used: CpuByRole, units: number): Values {
  return Object.fromEntries([...used].map(([role, micros]) => [`cpu ${role}`, micros / units]));
}

function percentilesOf(buckets: Parameters<typeof LatencyHistogram.from>[0]): Values {
  const histogram = LatencyHistogram.from(buckets);
  const micros = (share: number) => histogram.percentile(share) / 1000;
  return { p50: micros(0.5), p99: micros(0.99), p999: micros(0.999) };
}
