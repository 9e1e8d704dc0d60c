import { vi } from 'vitest';
import { TestRelay } from '../../support/relay-fixture.js';
import { createTokenSigner } from '../../../lib/transport/service-token.js';
import { resolveOptions } from '../../../lib/options/index.js';
import { startEchoHub } from './echo-hub.js';
import type { EchoHub } from './echo-hub.js';
import { LiveClients } from './live-clients.js';
import { settled, snapshot } from './resources.js';
import type { Snapshot } from './resources.js';

export const security = {
  secrets: ['fuzz-secret-fuzz-secret-fuzz-secret'],
  tokenLifetimeSeconds: 3600,
};
export const SERVICE_PATH = '/migration/service';
/** Limit of a whole storm on a busy machine, in milliseconds. */
export const LIMIT_MS = 180_000;
/** Strings before the first measurement: code gets compiled, caches get filled. */
export const WARM_UP = 3000;

const signer = createTokenSigner(resolveOptions({ security }).security)!;
/** The `Authorization` header of a hub server. */
export const authorization = async (serverId: string): Promise<string> =>
  `Bearer ${await signer(serverId)}`;

/** Heap growth that is no leak, in bytes: caches and compiled code, not what 100,000 strings leave. */
const HEAP_BOUND_BYTES = 6 * 1024 * 1024;

/** The figures after a storm. */
export interface Aftermath {
  /** What live clients noticed, and errors in the logs. */
  problems: string[];
  /** In bytes. */
  heapGrowth: number;
  echoes: number;
  relayLines: number;
  hubLines: number;
}

/** A relay with a real hub server and clients that must not notice anything. */
export class Site {
  private before: Snapshot | undefined;

  private constructor(
    readonly relay: TestRelay,
    readonly hub: EchoHub,
    readonly live: LiveClients,
  ) {}

  /** @param relays further relays of the hub server */
  static async start(relays: string[] = []): Promise<Site> {
    const relay = await TestRelay.start({
      security,
      relay: {
        servicePort: 0,
        gatewayPorts: [],
        // So low that what a storm leaves behind would be felt.
        maxConnections: 500,
        maxNewConnectionsPerSecond: 1_000_000,
        maxServiceConnections: 500,
        pingIntervalMs: 0,
        // Clients of a hub server that is gone are not waited for.
        hubReconnectGraceMs: 0,
        migrationStepMs: 100,
      },
    });
    const own = `ws://127.0.0.1:${relay.relay.servicePort()}${SERVICE_PATH}`;
    const hub = await startEchoHub({
      security,
      hub: { relays: [own, ...relays], reconnectMaxMs: 1, orphanMs: 200 },
    });
    await vi.waitFor(
      () => {
        const [server] = relay.relay.core.stats().servers;
        if (server?.serviceConnections !== 2) throw new Error('the hub server has not come');
      },
      { timeout: 10_000 },
    );
    return new Site(relay, hub, await LiveClients.start(`ws://127.0.0.1:${relay.port}/chat`));
  }

  get clientPort(): number {
    return this.relay.port;
  }

  get servicePort(): number {
    return this.relay.relay.servicePort()!;
  }

  /** To be called when everything is warm. */
  async beforeStorm(): Promise<void> {
    await this.live.alive();
    await vi.waitFor(() => this.checkCalm(), { timeout: 20_000 });
    this.takeLines();
    this.before = snapshot(this.state);
  }

  /** Waits until nothing is left of the storm. @throws Error that names what stays */
  async afterStorm(): Promise<Aftermath> {
    await this.live.alive();
    // Lines are kept by the test, not by the relay or the hub server: they are no leak.
    const { errors, ...lines } = this.takeLines();
    const heapGrowth = await settled(this.before!, this.state, HEAP_BOUND_BYTES);
    const problems = [...this.live.problems, ...errors];
    return { problems, heapGrowth, echoes: this.live.echoes, ...lines };
  }

  async stop(): Promise<void> {
    await this.live.stop();
    await this.hub.app.close();
    await this.relay.stop();
  }

  /** Whether only the live clients are left. */
  private checkCalm() {
    const { clients, servers } = this.relay.relay.core.stats();
    const { connections } = this.hub.migration.stats().hub!;
    const live = servers[0]?.connections;
    if (servers.length !== 1 || clients !== live || connections !== live) {
      throw new Error(`${servers.length} servers, ${clients} clients, ${connections} connections`);
    }
  }

  private takeLines() {
    const [relay, hub] = [this.relay.lines.splice(0), this.hub.log.lines.splice(0)];
    const errors = [...relay, ...hub].filter((line) => line.startsWith('error'));
    return { errors, relayLines: relay.length, hubLines: hub.length };
  }

  private readonly state = () => {
    const { clients, waiting, servers } = this.relay.relay.core.stats();
    return {
      clients,
      waiting,
      sessions: this.relay.relay.core.sessionCount,
      servers,
      hub: this.hub.migration.stats(),
    };
  };
}

/** The figures of a storm, for the log of a CI run. */
export function report(name: string, figures: Record<string, unknown>): void {
  console.log(`${name}: ${JSON.stringify(figures)}`);
}
