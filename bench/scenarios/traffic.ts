import { setTimeout as sleep } from 'node:timers/promises';
import { type Buckets, LatencyHistogram, mergeBuckets } from '../load/latency-histogram.js';
import type { Values } from './measures.js';
import { commonOf, mergeUsed, type Trial, type Used } from './trial.js';

/** Length of a slice in milliseconds: shorter than most of what disturbs a machine. */
const SLICE_MS = 500;
/** Traffic before each slice in milliseconds, for caches to be warm again. */
const SETTLE_MS = 150;

/** A part of the time that a subject is measured. */
export interface Slice {
  readonly messages: number;
  readonly seconds: number;
  readonly generatorShare: number;
  readonly used: Used;
  readonly latencies: Buckets;
}

/** Lengths of the slices that a time is divided into, all in milliseconds. */
export function slicesOf(ms: number): number[] {
  const count = Math.max(1, Math.round(ms / SLICE_MS));
  return Array.from({ length: count }, () => ms / count);
}

/** Connects the clients and has them do for a while what is to be measured. */
export async function warmUp(trial: Trial): Promise<void> {
  const { load, scenario } = trial;
  await trial.connect();
  if (scenario.measure === 'latency') await trial.heatUp();
  load.start(scenario.traffic!);
  await sleep(trial.warmUpMs);
  await load.stop();
}

export async function measureSlice(trial: Trial, ms: number): Promise<Slice> {
  const { load, scenario } = trial;
  load.start(scenario.traffic!);
  await sleep(SETTLE_MS);
  await load.measure();
  trial.begin();
  await sleep(ms);
  const { messages, seconds, cpuShare } = await load.end();
  const used = trial.used();
  const { latencies } = await load.stop();
  return { messages, seconds, generatorShare: cpuShare, used, latencies };
}

/**
 * All slices of a subject together.
 * @throws when no message came in them
 */
export function valuesOf(slices: readonly Slice[], withLatency: boolean): Values {
  const sum = (of: (slice: Slice) => number) => slices.reduce((all, slice) => all + of(slice), 0);
  const messages = sum((slice) => slice.messages);
  if (messages === 0) throw new Error('no message came in the measured time');
  const used = mergeUsed(slices.map((slice) => slice.used));
  const generatorShare = sum((slice) => slice.generatorShare) / slices.length;
  const common = commonOf(used, messages, generatorShare);
  if (withLatency) {
    return { ...percentilesOf(mergeBuckets(slices.map(({ latencies }) => latencies))), ...common };
  }
  const seconds = sum((slice) => slice.seconds);
  return { rate: messages / seconds, perCore: (messages / used.micros) * 1e6, ...common };
}

function percentilesOf(buckets: Buckets): Values {
  const histogram = LatencyHistogram.from(buckets);
  const micros = (share: number) => histogram.percentile(share) / 1000;
  return { p50: micros(0.5), p99: micros(0.99), p999: micros(0.999) };
}
