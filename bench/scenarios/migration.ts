import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../load/latency-histogram.js';
import type { NodeServer } from '../subjects/server-process.js';
import type { Values } from './measures.js';
import type { Trial } from './trial.js';

/** The default of `relay.hubReconnectGraceMs`. */
const GRACE_MS = 2000;
const TAKEOVER_LIMIT_MS = 60_000;
const POLL_MS = 20;
/** Traffic before and after the moves, in milliseconds. */
const AROUND_MS = 1000;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/** Time in which a drained hub server's clients get to another one. */
export async function measureMigration(trial: Trial): Promise<Values> {
  await trial.connect();
  await trial.running.startHub();
  await sleep(AROUND_MS);
  const { ms } = await drain(trial);
  await trial.checkClients();
  return { ms };
}

/** The same with traffic: how long clients wait for an answer at most. */
export async function measureMigrationUnderLoad(trial: Trial): Promise<Values> {
  const { load, scenario } = trial;
  await trial.connect();
  await trial.running.startHub();
  load.start(scenario.traffic!);
  await sleep(AROUND_MS);
  await load.measure();
  const { ms } = await drain(trial);
  const { cpuShare } = await load.end();
  const { latencies, pauses } = await load.stop();
  const percentile = (buckets: typeof pauses, share: number) =>
    LatencyHistogram.from(buckets).percentile(share) / NANOSECONDS_PER_MILLISECOND;
  return {
    ms,
    pauseP50: percentile(pauses, 0.5),
    pauseP99: percentile(pauses, 0.99),
    pauseMax: percentile(pauses, 1),
    latencyP99: percentile(latencies, 0.99),
    generatorShare: cpuShare,
  };
}

/** Time in which a killed hub server's clients get to another one, after the relay gave it up. */
export async function measureCrash(trial: Trial): Promise<Values> {
  const { running, topology } = trial;
  await trial.connect();
  const victim = running.processes.at(-1)!;
  const heir = await running.startHub();
  await sleep(AROUND_MS);
  running.forget(victim);
  const killedAt = performance.now();
  victim.kill();
  await untilServes(heir, topology.clients, killedAt + TAKEOVER_LIMIT_MS);
  const ms = performance.now() - killedAt - GRACE_MS;
  await trial.checkClients();
  return { ms };
}

async function drain({ running, topology }: Trial) {
  const old = running.processes.at(-2) as NodeServer;
  const drained = await old.drain();
  if (drained.migrated !== topology.clients) {
    const closed = JSON.stringify(drained.closed);
    throw new Error(`${drained.migrated} of ${topology.clients} clients moved, closed: ${closed}`);
  }
  return drained;
}

async function untilServes(hub: NodeServer, clients: number, deadline: number): Promise<void> {
  for (;;) {
    const served = await hub.connections();
    if (served === clients) return;
    if (performance.now() > deadline) {
      throw new Error(`only ${served} of ${clients} clients were taken over in time`);
    }
    await sleep(POLL_MS);
  }
}
