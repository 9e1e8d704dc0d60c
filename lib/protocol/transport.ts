import type { ServiceCloseCode } from './errors.js';
import type { FrameReceiver } from './frames.js';
import type { ControlMessage, Payload } from './messages.js';

/** What a session gets from its transport. */
export interface TransportReceiver extends FrameReceiver {
  /** Frames have arrived, which are handed over next. */
  onBatch(): void;
  /** A frame that could not be read, or a fault thrown while handling one. */
  onFault(error: unknown): void;
  /** The service connection is gone. Called once, also after {@link Transport.close}. */
  onClosed(code: number, reason: string): void;
}

/**
 * One physical service connection. Messages queued in one turn leave together at {@link flush};
 * they arrive whole and in order, or the connection ends.
 */
export interface Transport {
  receiver: TransportReceiver | undefined;
  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void;
  ack(link: number, count: number, ranges: readonly number[]): void;
  control(message: ControlMessage): void;
  flush(): void;
  /** Flushes and closes. Idempotent. */
  close(code: ServiceCloseCode, reason: string): void;
}
