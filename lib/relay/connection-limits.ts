import type { ResolvedRelayOptions } from '../options/index.js';
import type { Clock } from '../protocol/clock.js';
import { retryLater } from './http-refusal.js';
import type { Refusal } from './http-refusal.js';

const FULL_RETRY_SECONDS = 5;
const RATE_RETRY_SECONDS = 1;

export type ConnectionLimitOptions = Pick<
  ResolvedRelayOptions,
  'maxConnections' | 'maxConnectionsPerAddress' | 'maxNewConnectionsPerSecond'
>;

/** Counts client connections: in total, per address, and how many are new in a second. */
export class ConnectionLimits {
  private total = 0;
  private readonly perAddress = new Map<string, number>();
  private tokens: number;
  private refilled: number;

  constructor(
    private readonly options: ConnectionLimitOptions,
    private readonly clock: Clock,
  ) {
    this.tokens = options.maxNewConnectionsPerSecond;
    this.refilled = clock.now();
  }

  /** Takes a connection in, or says why not. One that was taken is to be released. */
  admit(address: string): Refusal | undefined {
    const { maxConnections, maxConnectionsPerAddress } = this.options;
    if (this.total >= maxConnections) {
      return retryLater(503, 'too many connections', FULL_RETRY_SECONDS);
    }
    const connections = this.perAddress.get(address) ?? 0;
    if (connections >= maxConnectionsPerAddress) {
      return retryLater(429, 'too many connections from this address', FULL_RETRY_SECONDS);
    }
    if (!this.takeToken()) {
      return retryLater(503, 'too many new connections', RATE_RETRY_SECONDS);
    }
    this.total++;
    this.perAddress.set(address, connections + 1);
    return undefined;
  }

  release(address: string): void {
    this.total--;
    const connections = this.perAddress.get(address)! - 1;
    if (connections > 0) this.perAddress.set(address, connections);
    else this.perAddress.delete(address);
  }

  private takeToken(): boolean {
    const rate = this.options.maxNewConnectionsPerSecond;
    const now = this.clock.now();
    this.tokens = Math.min(rate, this.tokens + ((now - this.refilled) / 1000) * rate);
    this.refilled = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
