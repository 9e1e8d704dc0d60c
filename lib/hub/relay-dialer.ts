import type { RandomSource } from '../protocol/clock.js';
import type { Transport } from '../protocol/transport.js';
import {
  MAX_SERVICE_PAYLOAD_BYTES,
  WebSocketTransport,
} from '../transport/web-socket-transport.js';
import { FramedBatchSocket } from '../transport/web-socket/batch-socket.js';
import { dialWebSocket } from '../transport/web-socket/dial.js';
import type { Dialled } from '../transport/web-socket/dial.js';
import { relayUnreachable } from './hub.messages.js';

const FIRST_DELAY_MS = 500;
/** A session that ends sooner may well end each time: it is no reason to dial at once again. */
const STABLE_MS = 500;

export interface RelayDialerOptions {
  url: string;
  reconnectMaxMs: number;
  handshakeTimeoutMs: number;
  /** Signs a token for the relay; none when the relay is on the same host and needs none. */
  sign: (() => Promise<string>) | undefined;
  random: RandomSource;
  /** A service connection is open. */
  connected(transport: Transport): void;
  warn(message: string): void;
}

/**
 * Keeps one service connection to a relay: dials, and after a loss dials again, first at once, then
 * with full jitter up to the limit.
 */
export class RelayDialer {
  private readonly dialling = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private establishedAt = Infinity;
  private stopped = false;

  constructor(private readonly options: RelayDialerOptions) {}

  start(): void {
    void this.dial();
  }

  /** The session is established: once it has lasted, a loss is followed by an attempt at once. */
  succeeded(): void {
    this.establishedAt = performance.now();
  }

  /** The service connection ended. */
  lost(): void {
    if (performance.now() - this.establishedAt >= STABLE_MS) this.failures = 0;
    this.establishedAt = Infinity;
    this.retry();
  }

  /** Dials no more; an open service connection stays. Idempotent. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.dialling.abort();
  }

  private async dial() {
    const { url, sign, handshakeTimeoutMs } = this.options;
    let authorization: string | undefined;
    try {
      authorization = sign && `Bearer ${await sign()}`;
    } catch (error) {
      this.failed((error as Error).message);
      return;
    }
    if (this.stopped) return;
    let dialled: Dialled;
    try {
      dialled = await dialWebSocket(url, {
        timeoutMs: handshakeTimeoutMs,
        headers: authorization ? { authorization } : {},
        signal: this.dialling.signal,
      });
    } catch (error) {
      this.failed((error as Error).message);
      return;
    }
    const { socket, head } = dialled;
    if (this.stopped) {
      socket.destroy();
      return;
    }
    const batches = new FramedBatchSocket(socket, head, 'server', MAX_SERVICE_PAYLOAD_BYTES);
    this.options.connected(new WebSocketTransport(batches, true));
  }

  private failed(cause: string) {
    if (this.stopped) return;
    const delay = this.retry();
    this.options.warn(relayUnreachable(this.options.url, cause, delay));
  }

  private retry(): number {
    if (this.stopped) return 0;
    const { reconnectMaxMs, random } = this.options;
    const ceiling = Math.min(reconnectMaxMs, FIRST_DELAY_MS * 2 ** this.failures);
    const delay = this.failures === 0 ? 0 : random.fraction() * ceiling;
    this.failures++;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.dial(), delay);
    return delay;
  }
}
