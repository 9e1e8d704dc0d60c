import { Buffer } from 'node:buffer';
import { checkClaim, checkInteger, checkSave, TOMBSTONE_MS } from './arguments.js';
import { ContextStorage, type StoredContext } from './context-storage.js';
import { ContextStorageUnavailableException } from './context-storage-unavailable.exception.js';
import { causeOf, type RedisConnection, type RedisScripting } from './redis-connection.js';
import { CLAIM, REMOVE, RENEW, type RedisScript, SAVE } from './redis-scripts.js';
import { StaleEpochException } from './stale-epoch.exception.js';
import {
  redisAnswer,
  redisFailed,
  redisOverloaded,
  redisSilent,
  storageClosed,
  wrongRedisClient,
} from './storage.messages.js';

/** @publicApi */
export interface RedisContextStorageOptions {
  /**
   * What the keys begin with. All servers of an application must have the same.
   * @default 'migration:context:'
   */
  readonly prefix?: string;
  /**
   * Limit of each call, in milliseconds.
   * @default 2000
   */
  readonly commandMs?: number;
  /**
   * Time for which it is remembered that a connection has ended, in milliseconds.
   * @default 120000
   */
  readonly tombstoneMs?: number;
}

/** Bytes of calls that Redis has not answered yet, and what a call counts besides its context. */
const MOST_WAITING = 67_108_864;
const CALL_BYTES = 1000;
/** Strings come as bytes. */
const BLOB_STRING = 36;

/**
 * Keeps contexts in Redis, one key for each connection: works with a cluster too. Takes a client that the
 * application made with `createClient()`, `createCluster()` or `createSentinel()` of the package `redis`,
 * connected or not; one that is not open is connected at the first call, and closed by `close()`.
 *
 * While Redis is away each call fails within `commandMs`; the client connects again by itself.
 *
 * @publicApi
 */
export class RedisContextStorage extends ContextStorage {
  private readonly prefix: string;
  private readonly commandMs: number;
  private readonly tombstoneMs: number;
  private readonly scripts: RedisScripting;
  private connecting: Promise<unknown> | undefined;
  private closing: Promise<void> | undefined;
  private isOurs = false;
  private waitingBytes = 0;
  private lastError: string | undefined;

  /**
   * @throws TypeError when it is no client of `redis` 5 or 6
   * @throws RangeError for wrong options
   */
  constructor(
    private readonly client: RedisConnection,
    options: RedisContextStorageOptions = {},
  ) {
    super();
    const { prefix = 'migration:context:', commandMs = 2000, tombstoneMs = TOMBSTONE_MS } = options;
    if (typeof client?.withCommandOptions !== 'function') throw new TypeError(wrongRedisClient());
    checkInteger('commandMs', commandMs, 1);
    checkInteger('tombstoneMs', tombstoneMs, 1);
    this.prefix = prefix;
    this.commandMs = commandMs;
    this.tombstoneMs = tombstoneMs;
    // A command that could not be sent in time leaves the client's queue.
    const typeMapping = { [BLOB_STRING]: Buffer } as const;
    this.scripts = client.withCommandOptions({ typeMapping, timeout: commandMs });
    // An "error" event that nobody listens to ends the process.
    client.on('error', (error) => (this.lastError = causeOf(error)));
  }

  override async save(id: string, stored: StoredContext, ttlMs: number): Promise<boolean> {
    checkSave(id, stored, ttlMs);
    const { epoch, sequence, context } = stored;
    const bytes = Buffer.from(context.buffer, context.byteOffset, context.byteLength);
    return (await this.run(SAVE, id, epoch, ttlMs, `${sequence}`, bytes)) === 1;
  }

  override async claim(
    id: string,
    epoch: number,
    ttlMs: number,
  ): Promise<StoredContext | undefined> {
    checkClaim(id, epoch, ttlMs);
    const answer = await this.run(CLAIM, id, epoch, ttlMs);
    if (!isList(answer)) throw new ContextStorageUnavailableException(redisAnswer());
    const [first, second, context] = answer;
    if (!first) return undefined;
    if (!context) throw new StaleEpochException(id, epoch, Number(first), Number(second) === 1);
    return { epoch: Number(first), sequence: Number(second), context: Uint8Array.from(context) };
  }

  override async renew(id: string, epoch: number, ttlMs: number): Promise<boolean> {
    checkClaim(id, epoch, ttlMs);
    return (await this.run(RENEW, id, epoch, ttlMs)) === 1;
  }

  override async remove(id: string, epoch: number): Promise<void> {
    checkClaim(id, epoch);
    await this.run(REMOVE, id, epoch, this.tombstoneMs);
  }

  /** Closes the client too when it was connected here. Takes at most `commandMs`. */
  override close(): Promise<void> {
    return (this.closing ??= this.closeClient());
  }

  private async closeClient(): Promise<void> {
    if (!this.isOurs || !this.client.isOpen) return;
    try {
      await this.limited(this.client.close());
    } catch {
      if (this.client.isOpen) await this.client.destroy();
    }
  }

  private async run(
    script: RedisScript,
    id: string,
    epoch: number,
    ttlMs: number,
    ...more: (string | Buffer)[]
  ): Promise<unknown> {
    if (this.closing) throw new ContextStorageUnavailableException(storageClosed());
    const bytes = more.reduce((sum, it) => sum + it.length, CALL_BYTES + 2 * id.length);
    if (this.waitingBytes + bytes > MOST_WAITING) {
      throw new ContextStorageUnavailableException(redisOverloaded(this.waitingBytes));
    }
    this.waitingBytes += bytes;
    const caller = new AbortController();
    const args = [`${epoch}`, `${ttlMs}`, ...more];
    const call = this.evaluate(script, this.prefix + id, args, caller.signal);
    return this.limited(
      call.finally(() => (this.waitingBytes -= bytes)),
      caller,
    );
  }

  private async evaluate(
    { sha, source }: RedisScript,
    key: string,
    args: (string | Buffer)[],
    caller: AbortSignal,
  ): Promise<unknown> {
    await this.connected();
    // Who asked was told that it failed: it must not happen later.
    if (caller.aborted) throw this.silence();
    const options = { keys: [key], arguments: args };
    let answer: unknown;
    try {
      answer = await this.scripts.evalSha(sha, options);
    } catch (error) {
      // Redis forgets scripts when it restarts, and each node of a cluster knows its own.
      if (!causeOf(error).startsWith('NOSCRIPT')) throw error;
      answer = await this.scripts.eval(source, options);
    }
    this.lastError = undefined;
    return answer;
  }

  private async connected(): Promise<void> {
    if (!this.client.isOpen && !this.connecting) {
      this.isOurs = true;
      this.connecting = this.client.connect().finally(() => (this.connecting = undefined));
    }
    await this.connecting;
  }

  /**
   * Ends with the call or after `commandMs`, whichever is first.
   * @param caller aborted when the call is not waited for any more
   */
  private async limited(call: Promise<unknown>, caller?: AbortController): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        caller?.abort();
        reject(this.silence());
      }, this.commandMs);
    });
    try {
      return await Promise.race([call, limit]);
    } catch (error) {
      if (error instanceof ContextStorageUnavailableException) throw error;
      throw new ContextStorageUnavailableException(redisFailed(causeOf(error)));
    } finally {
      clearTimeout(timer);
    }
  }

  private silence(): ContextStorageUnavailableException {
    return new ContextStorageUnavailableException(redisSilent(this.commandMs, this.lastError));
  }
}

const isList = (answer: unknown): answer is Buffer[] => Array.isArray(answer);
