import { mergeBuckets } from './latency-histogram.js';
import type { Connected, Measured, Stopped, Target, Traffic } from './load-generator.js';

/** More clients than this come from several addresses: one has ports for some 28,000. */
const CLIENTS_PER_ADDRESS = 15_000;

/** What each of several load generators connects: about as many clients, from addresses of its own. */
export function targetsOf(
  { clients, ...rest }: Omit<Target, 'sources'>,
  generators: number,
): Target[] {
  let first = 1;
  return sharesOf(clients, generators).map((own) => {
    const count = Math.ceil(own / CLIENTS_PER_ADDRESS);
    const sources = { first, count };
    first += count;
    return { ...rest, clients: own, sources };
  });
}

/**
 * What each of several load generators does, so that they do it together.
 * @throws for a fan-out, of which each client gets what one has asked for
 */
export function trafficsOf(traffic: Traffic, generators: number): Traffic[] {
  if (generators === 1) return [traffic];
  switch (traffic.kind) {
    case 'echo':
      return Array<Traffic>(generators).fill(traffic);
    case 'turns':
      return sharesOf(traffic.outstanding, generators).map((outstanding) => ({
        kind: 'turns',
        outstanding,
      }));
    case 'rate': {
      const senders = sharesOf(traffic.senders, generators);
      return sharesOf(traffic.perSecond, generators).map((perSecond, index) => ({
        kind: 'rate',
        perSecond,
        senders: senders[index]!,
      }));
    }
    case 'fanOut':
      throw new Error('a fan-out has one load generator');
  }
}

/** All clients of all load generators are connected. */
export function mergeConnected(all: readonly Connected[]): Connected {
  const seconds = Math.max(...all.map((each) => each.seconds));
  // Of the time until the last was ready.
  const cpuShare = sum(all.map((each) => (each.cpuShare * each.seconds) / seconds));
  return { kind: 'connected', seconds, cpuShare };
}

/** What happened in the times that they measured, which are about the same. */
export function mergeMeasured(all: readonly Measured[]): Measured {
  return {
    kind: 'measured',
    messages: sum(all.map(({ messages }) => messages)),
    seconds: sum(all.map(({ seconds }) => seconds)) / all.length,
    // They share a core.
    cpuShare: sum(all.map(({ cpuShare }) => cpuShare)),
  };
}

export function mergeStopped(all: readonly Stopped[]): Stopped {
  return {
    kind: 'stopped',
    latencies: mergeBuckets(all.map(({ latencies }) => latencies)),
    pauses: mergeBuckets(all.map(({ pauses }) => pauses)),
  };
}

/** Whole numbers that differ by at most one, with this sum. */
function sharesOf(total: number, count: number): number[] {
  const least = Math.floor(total / count);
  return Array.from({ length: count }, (_, index) => least + (index < total % count ? 1 : 0));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
