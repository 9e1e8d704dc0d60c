import type { Clock, Timer } from '../protocol/clock.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { ResolvedContextOptions } from '../options/index.js';
import type { ContextStorage, StoredContext } from '../storage/context-storage.js';
import { StaleEpochException } from '../storage/stale-epoch.exception.js';
import { systemClock } from '../transport/system-clock.js';
import { stackOf } from './hub-server-runtime.js';
import { endsWithin } from './hook-calls.js';
import {
  notStored,
  storageBack,
  storageFailed,
  storageRests,
  storageTooLong,
} from './move.messages.js';
import type { StorageLane } from './storage-lane.js';

/** Longest time that anything waits for the storage, in milliseconds. */
const LIMIT_MS = 5000;
/** After a failure the storage is left alone for so long. */
const REST_MS = 1000;
/** Failures are logged at most this often, in milliseconds. */
const LOG_MS = 10_000;
/** Leases are renewed so many times in their life. */
const RENEWALS = 3;
/** Calls under way when leases are renewed. */
const AT_ONCE = 16;

type Named = Pick<HubLink, 'connectionId' | 'epoch'>;

export interface StorageLog {
  log(message: string): void;
  error(message: string, stack: string): void;
}

/**
 * The contexts of all connections of this hub server in `context.storage`: bounds what waits for it,
 * leaves it alone while it fails, brings it up to date when it is back, renews leases.
 */
export class StoredContexts {
  private readonly lanes = new Set<StorageLane>();
  private readonly removing = new Set<Promise<void>>();
  private renewal: Timer;
  private retry: Timer;
  private restsUntil = -Infinity;
  private failures = 0;
  private failing = false;
  private saidAt = -Infinity;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly storage: ContextStorage,
    private readonly leaseMs: number,
    private readonly clock: Clock,
    private readonly log: StorageLog,
  ) {}

  /** Undefined when contexts are not to be stored. */
  static of(
    { storage, leaseMs }: ResolvedContextOptions,
    log: StorageLog,
  ): StoredContexts | undefined {
    return storage && new StoredContexts(storage, leaseMs, systemClock, log);
  }

  now(): number {
    return this.clock.now();
  }

  /** From now on the lane's lease is renewed. */
  keep(lane: StorageLane): void {
    this.lanes.add(lane);
    this.renewal ??= this.clock.setTimer(() => this.renewAll(), this.leaseMs / RENEWALS);
  }

  drop(lane: StorageLane): void {
    this.lanes.delete(lane);
  }

  /** @throws Error when the storage fails, or another server has the connection */
  async save(link: Named, sequence: number, context: Uint8Array): Promise<void> {
    const { connectionId, epoch } = link;
    const kept = await this.call('save a context', async () => {
      const saved = await this.storage.save(
        connectionId,
        { epoch, sequence, context },
        this.leaseMs,
      );
      // One that is repeated because its answer was lost is not saved again.
      return saved || (await this.storage.renew(connectionId, epoch, this.leaseMs));
    });
    if (!kept) throw new Error(notStored(connectionId));
  }

  /** @returns false when the storage does not have it */
  renew({ connectionId, epoch }: Named): Promise<boolean> {
    return this.call('renew a lease', () => this.storage.renew(connectionId, epoch, this.leaseMs));
  }

  /**
   * Fences off the server that had the connection before.
   * @returns what was stored; undefined also when the storage fails
   * @throws StaleEpochException when the connection is another server's
   */
  async claim({ connectionId, epoch }: Named): Promise<StoredContext | undefined> {
    try {
      return await this.call('claim a context', () =>
        this.storage.claim(connectionId, epoch, this.leaseMs),
      );
    } catch (error) {
      if (error instanceof StaleEpochException) throw error;
      return undefined;
    }
  }

  /** The connection has ended. When the storage fails, the lease ends what it has. */
  remove({ connectionId, epoch }: Named): void {
    if (this.closing) return;
    const removed = this.call('remove a context', () => this.storage.remove(connectionId, epoch))
      .catch(() => undefined)
      .then(() => void this.removing.delete(removed));
    this.removing.add(removed);
  }

  /** Contexts of connections that end from now on stay until their lease ends. Idempotent. */
  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  private async end() {
    this.clock.clearTimer(this.renewal);
    this.clock.clearTimer(this.retry);
    await Promise.all(this.removing);
    try {
      await endsWithin(this.clock, LIMIT_MS, this.storage.close());
    } catch (error) {
      this.log.error(storageFailed('be closed', 1), stackOf(error));
    }
  }

  private async call<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
    if (this.now() < this.restsUntil) {
      this.tryLater();
      throw new Error(storageRests(what));
    }
    try {
      const result = await this.limited(run);
      this.worked();
      return result;
    } catch (error) {
      if (!(error instanceof StaleEpochException)) this.failed(what, error);
      throw error;
    }
  }

  private async limited<Result>(run: () => Promise<Result>): Promise<Result> {
    const work = run();
    if (await endsWithin(this.clock, LIMIT_MS, work)) return work;
    throw new Error(storageTooLong(LIMIT_MS));
  }

  private worked() {
    this.restsUntil = -Infinity;
    if (!this.failing) return;
    this.failing = false;
    this.failures = 0;
    this.saidAt = -Infinity;
    this.log.log(storageBack());
  }

  private failed(what: string, error: unknown) {
    const now = this.now();
    this.failing = true;
    this.failures++;
    this.restsUntil = now + REST_MS;
    if (now >= this.saidAt + LOG_MS) {
      this.saidAt = now;
      this.log.error(storageFailed(what, this.failures), stackOf(error));
      this.failures = 0;
    }
    this.tryLater();
  }

  private tryLater() {
    if (!this.closing) this.retry ??= this.clock.setTimer(() => this.catchUp(), REST_MS);
  }

  private catchUp() {
    this.retry = undefined;
    void this.refresh((lane) => lane.isBehind);
  }

  private renewAll() {
    const every = this.leaseMs / RENEWALS;
    this.renewal = undefined;
    const due = this.now() - every / 2;
    void this.refresh((lane) => lane.isBehind || lane.leasedAt <= due);
    if (this.lanes.size > 0) this.renewal = this.clock.setTimer(() => this.renewAll(), every);
  }

  /** Stops at the first failure: a later attempt is made anyway. */
  private async refresh(isDue: (lane: StorageLane) => boolean) {
    const lanes = [...this.lanes].filter(isDue);
    for (let i = 0; i < lanes.length && !this.closing; i += AT_ONCE) {
      const calls = lanes.slice(i, i + AT_ONCE).map((lane) => lane.refresh());
      const results = await Promise.allSettled(calls);
      if (this.failing || results.some(({ status }) => status === 'rejected')) return;
    }
  }
}
