import { performance } from 'node:perf_hooks';
import type { HubCore } from '../hub/hub-core.js';
import type { ResolvedShutdownOptions, ShutdownMode } from '../options/index.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { EndpointKey } from '../protocol/messages.js';
import type { GracefulShutdown } from './graceful-shutdown.js';
import { connectionsLeft, finUnanswered, hookFailed, hookTooLong } from './shutdown.messages.js';
import { within } from './time-limit.js';

/** Part of the budget for which FINACK is waited: a dead relay must not cost the clients of others. */
const OFFLINE_SHARE = 0.5;
/** Part of the budget that is left then that all hooks together may use. */
const HOOK_SHARE = 0.5;
/** The relays' deadline is this much before ours, so that their verdicts arrive in time. */
const RELAY_MARGIN = 0.1;
const MAX_RELAY_MARGIN_MS = 1000;
/** Limit of the closing handshakes with clients, in milliseconds. */
const CLOSE_LIMIT_MS = 1000;

/**
 * What became of a hub server's clients when it was drained.
 * @publicApi
 */
export interface DrainResult {
  /** Clients that live on at another hub server. */
  migrated: number;
  /** Clients that ended: by reason when closed with 1012 (`noTarget`, `refused`, `handlerRunning`, …), else by close code. */
  closed: Record<string, number>;
  /** Shutdown hooks that threw or did not end in time. */
  failedHooks: number;
  /** How long it took, in milliseconds. */
  durationMs: number;
}

export interface ShutdownStagesHost {
  readonly core: HubCore;
  readonly endpoints: readonly EndpointKey[];
  readonly hooks: GracefulShutdown;
  readonly options: ResolvedShutdownOptions;
  modeOf(endpoint: EndpointKey): ShutdownMode;
  /** Service connections that are lost are not dialled again. */
  stopDialing(): void;
  stop(): void;
  warn(message: string): void;
  error(message: string, error: unknown): void;
}

/**
 * The stages in which a hub server leaves: out of routing (FIN, FINACK), hooks, clients by mode, end
 * of the service connections. One budget covers the first three, counted from the first call.
 */
export class ShutdownStages {
  private deadline = 0;
  private startedAt = 0;
  private offlineDone: Promise<void> | undefined;
  private drained: Promise<DrainResult> | undefined;
  private failedHooks = 0;

  constructor(private readonly host: ShutdownStagesHost) {}

  /** Whether the shutdown has begun. */
  get begun(): boolean {
    return this.offlineDone !== undefined;
  }

  /** The first stage: no new client comes to this server. Idempotent. */
  offline(): Promise<void> {
    return (this.offlineDone ??= this.goOffline());
  }

  /** All stages. Idempotent: every call gets the same result. Never rejects. */
  drain(): Promise<DrainResult> {
    return (this.drained ??= this.run());
  }

  private get left(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  private async goOffline() {
    this.startedAt = performance.now();
    this.deadline = this.startedAt + this.host.options.timeoutMs;
    this.host.stopDialing();
    const acknowledged = new Promise<void>((resolve) => this.host.core.setOffline(resolve));
    if (await within(acknowledged, this.left * OFFLINE_SHARE)) return;
    this.host.core.stopFin();
    this.host.warn(finUnanswered());
  }

  private async run(): Promise<DrainResult> {
    await this.offline();
    await this.runHooks();
    await this.letClientsGo();
    this.host.stop();
    return {
      migrated: this.host.core.left.migrated,
      closed: { ...this.host.core.left.closed },
      failedHooks: this.failedHooks,
      durationMs: performance.now() - this.startedAt,
    };
  }

  private async runHooks() {
    const end = performance.now() + this.left * HOOK_SHARE;
    for (const { name, run } of this.host.hooks.list()) {
      try {
        const work = Promise.resolve(run());
        if (await within(work, end - performance.now())) continue;
        this.host.warn(hookTooLong(name));
      } catch (error) {
        this.host.error(hookFailed(name), error);
      }
      this.failedHooks++;
    }
  }

  private async letClientsGo() {
    const { core, endpoints, options } = this.host;
    const withMode = (mode: ShutdownMode) =>
      endpoints.filter((it) => this.host.modeOf(it) === mode);
    const migrating = withMode('migrateClients');
    if (core.connectionsOf(migrating).length > 0) {
      const margin = Math.min(MAX_RELAY_MARGIN_MS, this.left * RELAY_MARGIN);
      core.drain(migrating, Math.round(this.left - margin));
    }
    const closing = core.connectionsOf(withMode('off'));
    await this.closeInBatches(closing, options.closeBatch);
    if (!(await within(this.gone(this.without(closing)), this.left))) {
      const late = this.without(closing);
      this.host.warn(connectionsLeft(late.length));
      for (const link of late) link.close(1012, 'deadline');
    }
    // A client that does not answer its close frame is the relay's business, and costs no budget.
    await within(this.gone(core.connections), CLOSE_LIMIT_MS);
  }

  private async closeInBatches(links: readonly HubLink[], batch: number) {
    for (let i = 0; i < links.length; i += batch) {
      for (const link of links.slice(i, i + batch)) link.close(1012, 'shutdown');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The connections that are here, apart from these. */
  private without(links: readonly HubLink[]): HubLink[] {
    const excluded = new Set(links);
    return Array.from(this.host.core.connections).filter((link) => !excluded.has(link));
  }

  /** Resolves when none of these connections is here any more. */
  private gone(links: Iterable<HubLink>): Promise<void> {
    const { core } = this.host;
    const here = new Set(Array.from(links).filter((link) => core.connections.has(link)));
    return new Promise((resolve) => {
      if (here.size === 0) {
        resolve();
        return;
      }
      const unsubscribe = core.onLeave((link) => {
        here.delete(link);
        if (here.size > 0) return;
        unsubscribe();
        resolve();
      });
    });
  }
}
