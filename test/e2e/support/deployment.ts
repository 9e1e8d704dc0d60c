import type { DrainResult, HubServerStats, RelayStats } from 'nestjs-ws-migration';
import { expect } from 'vitest';
import { eventually } from '../../conformance/support/client.js';
import { AppProcess } from './app-process.js';

type Options = Readonly<Record<string, string>>;

/** The budget of a shutdown in tests that are not about it, far above what they need. */
const TIMEOUT_MS = '10000';

/** The result of a drain. */
export const drained = (
  migrated: number,
  closed: Record<string, number> = {},
  failedHooks = 0,
): DrainResult => ({ migrated, closed, failedHooks, durationMs: expect.any(Number) as number });

/** A relay process and hub server processes. */
export class Deployment {
  private constructor(
    readonly relay: AppProcess,
    private readonly options: Options,
  ) {}

  /**
   * @param options variables of all processes
   * @param ofRelay variables of the relay alone
   */
  static async start(options: Options = {}, ofRelay: Options = {}): Promise<Deployment> {
    const shared = { MIGRATION_SHUTDOWN_TIMEOUT_MS: TIMEOUT_MS, ...options };
    const relay = await AppProcess.start('relay', {
      ...shared,
      ...ofRelay,
      MIGRATION_ROLE: 'relay',
    });
    return new Deployment(relay, shared);
  }

  url(path: string): string {
    return this.relay.url(path);
  }

  async stats(): Promise<RelayStats> {
    return (await this.relay.stats()).relay!;
  }

  /** How the relay sees a hub server. */
  async statsOf(hub: AppProcess): Promise<HubServerStats | undefined> {
    return (await this.stats()).servers.find(({ serverId }) => serverId === hub.serverId);
  }

  /** A hub server process that has not joined the relay yet. */
  async prepare(name: string, options: Options = {}): Promise<AppProcess> {
    return AppProcess.start(`hub ${name}`, {
      E2E_ONLY_INIT: '1',
      ...this.options,
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: this.url('/migration/service'),
      MIGRATION_HUB_SERVER_NAME: name,
      ...options,
    });
  }

  /** Connects prepared hub servers to the relay, one after the other. */
  async join(...hubs: AppProcess[]): Promise<void> {
    for (const hub of hubs) {
      await hub.ask('start');
      await this.joined(hub);
    }
  }

  async joined(hub: AppProcess): Promise<void> {
    await eventually(async () => {
      const server = await this.statsOf(hub);
      if (server?.serviceConnections !== 2) throw new Error(`${hub.name} has not joined`);
    });
  }

  /** Hub servers that have joined. */
  async hubs(...names: string[]): Promise<AppProcess[]> {
    const hubs = await Promise.all(names.map((name) => this.prepare(name)));
    await this.join(...hubs);
    return hubs;
  }

  /** Waits until a hub server is out of routing. */
  async isOffline(hub: AppProcess): Promise<void> {
    await eventually(async () => {
      if (!(await this.statsOf(hub))?.draining) throw new Error(`${hub.name} is not offline`);
    });
  }
}
