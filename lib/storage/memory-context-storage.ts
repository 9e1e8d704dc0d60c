import { checkClaim, checkInteger, checkSave, TOMBSTONE_MS } from './arguments.js';
import { ContextStorage, type StoredContext } from './context-storage.js';
import { ContextStorageUnavailableException } from './context-storage-unavailable.exception.js';
import { StaleEpochException } from './stale-epoch.exception.js';
import { storageClosed, storageFull } from './storage.messages.js';

/** @publicApi */
export interface MemoryContextStorageOptions {
  /**
   * Bytes of everything that is kept, with an estimate of what each connection costs besides its context.
   * @default 268435456
   */
  readonly maxBytes?: number;
  /**
   * Time for which it is remembered that a connection has ended, in milliseconds.
   * @default 120000
   */
  readonly tombstoneMs?: number;
}

/** What a connection takes without its context: id, entry and place in a Map. */
const ENTRY_BYTES = 300;
const SWEEP_MS = 5000;

interface Entry {
  /** The highest epoch that saved, claimed or removed it. */
  readonly fence: number;
  readonly removed: boolean;
  readonly stored?: StoredContext;
  readonly expiresAt: number;
}

/**
 * Keeps contexts in the memory of this process: for tests, and for one process that is relay and hub
 * server at once, where there is nothing to survive it.
 *
 * @publicApi
 */
export class MemoryContextStorage extends ContextStorage {
  private readonly entries = new Map<string, Entry>();
  private readonly maxBytes: number;
  private readonly tombstoneMs: number;
  private usedBytes = 0;
  private sweeping: NodeJS.Timeout | undefined;
  private closed = false;

  /** @throws RangeError */
  constructor({
    maxBytes = 268_435_456,
    tombstoneMs = TOMBSTONE_MS,
  }: MemoryContextStorageOptions = {}) {
    super();
    checkInteger('maxBytes', maxBytes, 1);
    checkInteger('tombstoneMs', tombstoneMs, 1);
    this.maxBytes = maxBytes;
    this.tombstoneMs = tombstoneMs;
  }

  /** Estimate of the memory in use, in bytes. */
  get bytes(): number {
    return this.usedBytes;
  }

  override async save(id: string, stored: StoredContext, ttlMs: number): Promise<boolean> {
    checkSave(id, stored, ttlMs);
    const { epoch, sequence, context } = stored;
    const entry = this.find(id);
    if (entry && isFenced(entry, epoch)) return false;
    if (entry?.stored?.epoch === epoch && entry.stored.sequence >= sequence) return false;
    const copy = { epoch, sequence, context: Uint8Array.from(context) };
    this.put(id, { fence: epoch, removed: false, stored: copy, expiresAt: after(ttlMs) });
    return true;
  }

  override async claim(
    id: string,
    epoch: number,
    ttlMs: number,
  ): Promise<StoredContext | undefined> {
    checkClaim(id, epoch, ttlMs);
    const entry = this.find(id);
    if (entry && isFenced(entry, epoch)) {
      throw new StaleEpochException(id, epoch, entry.fence, entry.removed);
    }
    const stored = entry?.stored;
    this.put(id, { fence: epoch, removed: false, stored, expiresAt: after(ttlMs) });
    return stored && { ...stored, context: Uint8Array.from(stored.context) };
  }

  override async renew(id: string, epoch: number, ttlMs: number): Promise<boolean> {
    checkClaim(id, epoch, ttlMs);
    const entry = this.find(id);
    if (!entry || entry.removed || epoch < entry.fence) return false;
    this.put(id, { ...entry, expiresAt: after(ttlMs) });
    return true;
  }

  override async remove(id: string, epoch: number): Promise<void> {
    checkClaim(id, epoch);
    const entry = this.find(id);
    if (entry && epoch < entry.fence) return;
    this.forget(id);
    this.put(id, { fence: epoch, removed: true, expiresAt: after(this.tombstoneMs) });
  }

  override async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.sweeping);
    this.entries.clear();
    this.usedBytes = 0;
  }

  private find(id: string): Entry | undefined {
    if (this.closed) throw new ContextStorageUnavailableException(storageClosed());
    const entry = this.entries.get(id);
    if (!entry || entry.expiresAt > performance.now()) return entry;
    this.forget(id);
    return undefined;
  }

  private put(id: string, entry: Entry): void {
    const more = sizeOf(id, entry) - sizeOf(id, this.entries.get(id));
    if (more > this.maxBytes - this.usedBytes) this.sweep();
    if (more > this.maxBytes - this.usedBytes) {
      throw new ContextStorageUnavailableException(storageFull(this.maxBytes, this.entries.size));
    }
    this.entries.set(id, entry);
    this.usedBytes += more;
    this.sweeping ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  private forget(id: string): void {
    this.usedBytes -= sizeOf(id, this.entries.get(id));
    this.entries.delete(id);
  }

  private sweep(): void {
    const now = performance.now();
    for (const [id, { expiresAt }] of this.entries) {
      if (expiresAt <= now) this.forget(id);
    }
    if (this.entries.size > 0) return;
    clearInterval(this.sweeping);
    this.sweeping = undefined;
  }
}

const after = (ms: number): number => performance.now() + ms;

const isFenced = ({ fence, removed }: Entry, epoch: number): boolean =>
  epoch < fence || (removed && epoch === fence);

const sizeOf = (id: string, entry: Entry | undefined): number =>
  entry ? ENTRY_BYTES + 2 * id.length + (entry.stored?.context.length ?? 0) : 0;
