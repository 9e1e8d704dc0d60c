import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxiedConnection } from '../test/support/proxied-connection.js';
import type { Deployment, RunningServer } from './deployment.js';
import { FAULT_TIMES } from './fault-variables.js';
import { type Random, seededRandom } from './random.js';
import { INGRESSES } from './service-proxies.js';

/** What was done. */
export interface FaultCounts {
  kills: number;
  freezes: number;
  isolations: number;
  cuts: number;
  /** Reloads of an ingress that the relay was told of, and those by surprise. */
  announcedReloads: number;
  surpriseReloads: number;
}

const STRIKES = [
  'kill',
  'freezeLong',
  'isolate',
  'freezeShort',
  'announcedReload',
  'surpriseReload',
] as const;
/** The time that the relay gets to move all links off an ingress. */
const RELOAD_MS = 15_000;
/** Well below what takes a server for dead, on a slow machine too. */
const SHORT_MS = FAULT_TIMES.deadAfterMs / 5;

/** Does to hub servers and their service connections what machines and networks do. */
export class Faults {
  readonly counts: FaultCounts = {
    kills: 0,
    freezes: 0,
    isolations: 0,
    cuts: 0,
    announcedReloads: 0,
    surpriseReloads: 0,
  };
  private readonly random: Random;
  private readonly cutRandom: Random;
  private deck: (typeof STRIKES)[number][] = [];
  private struck?: RunningServer;
  private cutting: Promise<void> = Promise.resolve();
  private readonly stopped = new AbortController();

  /** @param servers the servers that run, kept up to date by their owner and by {@link strike} */
  constructor(
    private readonly deployment: Deployment,
    private readonly servers: RunningServer[],
    seed: number,
  ) {
    this.random = seededRandom(seed);
    this.cutRandom = seededRandom(seed + 1);
  }

  /** One fault to one server, and its return or replacement; tells what it was. */
  async strike(): Promise<string> {
    if (this.deck.length === 0) {
      this.deck = shuffled(STRIKES, this.random);
    }
    const index = Math.floor(this.random() * this.servers.length);
    const server = this.servers[index]!;
    const name = `${server.name} version ${server.version}`;
    this.struck = server;
    try {
      switch (this.deck.pop()!) {
        case 'kill':
          this.counts.kills += 1;
          await this.deployment.kill(server);
          this.servers[index] = await this.deployment.startServer(server.name, server.version + 1);
          return `${name} killed, version ${server.version + 1} started`;
        case 'freezeLong':
          this.counts.freezes += 1;
          await this.deployment.freezeLong(server, this.random() * 500);
          return `${name} frozen until its clients were taken over`;
        case 'freezeShort':
          this.counts.freezes += 1;
          await this.deployment.freezeShort(server, this.random() * SHORT_MS);
          return `${name} frozen for a moment`;
        case 'isolate':
          this.counts.isolations += 1;
          await this.deployment.isolate(server, (this.random() * FAULT_TIMES.graceMs) / 4);
          return `all service connections of ${name} cut`;
        case 'announcedReload':
          return await this.announcedReload();
        case 'surpriseReload':
          return await this.surpriseReload();
      }
    } finally {
      this.struck = undefined;
    }
  }

  /** From now on one service connection is cut from time to time. */
  startCutting(): void {
    this.cutting = this.cutAlways();
  }

  async stopCutting(): Promise<void> {
    this.stopped.abort();
    await this.cutting;
  }

  /** Cuts one service connection of a server that has others; false when there is none. */
  cut(): boolean {
    const candidates = this.servers.filter(
      (server) => server !== this.struck && server.proxies!.healthy.length > 1,
    );
    const server = pick(candidates, this.cutRandom);
    const healthy = server?.proxies!.healthy ?? [];
    const connection =
      this.cutRandom() < 0.7 ? server?.proxies!.busiest : pick(healthy, this.cutRandom);
    if (!connection) {
      return false;
    }
    this.counts.cuts += 1;
    cutSomehow(connection, this.cutRandom);
    return true;
  }

  private async announcedReload(): Promise<string> {
    this.counts.announcedReloads += 1;
    const ingress = pick(INGRESSES, this.random)!;
    const { state, links } = await this.deployment.admin.announceReload(ingress, RELOAD_MS);
    if (state !== 'ready') {
      this.deployment.problems.push(`${ingress} was not cleared: ${state}`);
    }
    await this.deployment.reload(ingress, this.servers);
    return `${ingress} reloaded after ${links.moved} links were moved off it`;
  }

  private async surpriseReload(): Promise<string> {
    this.counts.surpriseReloads += 1;
    const ingress = pick(INGRESSES, this.random)!;
    await this.deployment.reload(ingress, this.servers);
    return `${ingress} reloaded by surprise`;
  }

  private async cutAlways(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await sleep(200 + this.cutRandom() * 600, undefined, { signal }).catch(() => {});
      if (!signal.aborted) {
        this.cut();
      }
    }
  }
}

/** One of the ways in which a connection is lost. */
export function cutSomehow(connection: ProxiedConnection, random: Random): void {
  const direction = random() < 0.5 ? 'up' : 'down';
  const kind = Math.floor(random() * 5);
  if (kind === 0) {
    connection.reset();
  } else if (kind === 1) {
    connection.fin();
  } else if (kind === 2) {
    connection.stall();
  } else if (kind === 3) {
    connection.halfOpen(direction);
  } else {
    // Somewhere in a frame, most likely.
    connection.cutAfter(Math.floor(random() * 500), direction);
  }
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
