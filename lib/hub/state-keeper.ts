import { Buffer } from 'node:buffer';
import { StateTooLargeException } from '../gateway/exceptions/state-too-large.exception.js';
import { encodeContext } from '../gateway/state/context-codec.js';
import type { ConnectionContext, PendingBatch } from '../gateway/state/context-codec.js';
import type { Timer } from '../protocol/clock.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { cannotMove, connectionOver } from './move.messages.js';
import { StorageLane } from './storage-lane.js';
import type { Waiter } from './storage-lane.js';

/** The connection that a keeper keeps the context of. */
export interface KeptConnection {
  readonly connectionId: string;
  readonly pending: readonly PendingBatch[];
  readonly cancelled: readonly string[];
  /** Whether the application lets the connection move. */
  readonly movable: boolean;
}

/** What a connection begins with on this server. */
export interface StartingContext {
  readonly state: object | undefined;
  readonly came?: CameContext;
}

/** The context with which a connection came. */
export interface CameContext {
  readonly bytes: Uint8Array;
  /** The same without its number. */
  readonly written: Uint8Array;
  /** Its number. */
  readonly sequence: number;
  /** Whether the storage has it too. */
  readonly stored: boolean;
}

interface Encoded {
  readonly contents: ConnectionContext;
  /** Without its number. */
  readonly bytes: Uint8Array;
}

/** The context of a connection without state and unfinished batches. */
const NOTHING = new Uint8Array();

/**
 * The context of one connection: has the relay (and the storage) know it, and acknowledges messages
 * only when they know what these have changed. What changed first after a quiet time is written at
 * once, what follows at most every `context.checkpointMs`.
 */
export class StateKeeper {
  private value: object | undefined;
  /** What the relay has, without its number. */
  private written: Uint8Array = NOTHING;
  private bytes: Uint8Array | undefined;
  /** Number of the context, which grows with every change as long as the connection lives. */
  private sequence = 0;
  /** Why the context cannot be written. */
  private fault: Error | undefined;
  private faultSaid = false;
  private movable = true;
  /** Messages that are handled and not acknowledged. */
  private handled: number[] = [];
  private timer: Timer;
  private quietFrom = -Infinity;
  /** Whether the relay knows that the connection is this server's. */
  private entered = false;
  private over = false;
  private readonly lane: StorageLane | undefined;

  constructor(
    private readonly connection: KeptConnection,
    private readonly link: HubLink,
    private readonly moves: EndpointMoves,
  ) {
    const { stored } = moves;
    this.lane = stored && new StorageLane(link, stored);
  }

  get state(): object | undefined {
    return this.value;
  }

  /**
   * @throws TypeError for what cannot travel
   * @throws StateTooLargeException
   */
  set state(value: object | undefined) {
    const before = this.value;
    this.value = value;
    try {
      this.encode();
    } catch (error) {
      this.value = before;
      throw error;
    }
    // What a handler that is at work sets is written with what else it changes, when it is done.
    if (this.link.isAtWork) this.wait(this.moves.limits.checkpointMs);
    else this.changed();
  }

  /** Why the connection cannot move, if it cannot. */
  get unfit(): Error | undefined {
    return this.fault;
  }

  /** The state of a new client, or what came with the connection. */
  begin({ state, came }: StartingContext): void {
    this.value = state;
    if (!came) return;
    this.bytes = came.bytes;
    this.written = came.written;
    this.sequence = came.sequence;
    this.lane?.set(came.sequence, came.bytes);
    if (came.stored) this.lane?.has(came.sequence);
  }

  /** The connection is this server's. */
  enter(): void {
    this.entered = true;
    this.changed();
  }

  /** All handlers of a message are done. */
  messageHandled(number: number): void {
    if (this.over) return;
    this.handled.push(number);
    this.changed();
  }

  /** Something may have changed. */
  changed(): void {
    if (this.over || !this.entered) return;
    if (this.moves.clock.now() < this.quietFrom) this.wait();
    else this.flush();
  }

  /**
   * The next change, or message that is handled, is written at once: together with the answer that
   * was just sent, so that the relay has both or neither when this server is lost.
   */
  hurry(): void {
    this.quietFrom = -Infinity;
  }

  /** Whether the connection may move has changed. */
  movableChanged(): void {
    this.flush();
  }

  /** Writes what has changed. @returns when the relay and the storage have it */
  checkpoint(): Promise<void> {
    if (this.over) return Promise.reject(new Error(connectionOver(this.connection.connectionId)));
    return new Promise((resolve, reject) => {
      this.flush({ resolve, reject });
    });
  }

  /**
   * The context with which the connection leaves; what was handled is acknowledged.
   * @throws Error when it does not fit
   */
  take(): Uint8Array | undefined {
    this.flush();
    this.lane?.letGo();
    if (this.fault) throw this.fault;
    return this.bytes;
  }

  /** The connection did not leave: no other server's context counts. */
  stays(): void {
    this.lane?.saveAgain();
  }

  /** The connection is not this server's any more. @param moved whether it lives on elsewhere */
  end(moved: boolean): void {
    this.over = true;
    this.moves.clock.clearTimer(this.timer);
    this.lane?.end(moved);
  }

  private wait(atLeastMs = 0) {
    if (!this.entered || this.over) return;
    const { clock } = this.moves;
    const ms = Math.max(this.quietFrom - clock.now(), atLeastMs);
    this.timer ??= clock.setTimer(() => this.flush(), ms);
  }

  private flush(waiter?: Waiter) {
    const { clock, limits } = this.moves;
    clock.clearTimer(this.timer);
    this.timer = undefined;
    this.quietFrom = clock.now() + limits.checkpointMs;
    const numbers = this.handled;
    if (numbers.length > 0) this.handled = [];
    this.write();
    if (this.lane && !this.fault) {
      this.lane.add(numbers, waiter);
      return;
    }
    for (const number of numbers) this.link.acknowledge(number);
    if (this.fault) waiter?.reject(this.fault);
    else waiter?.resolve();
  }

  /** Writes the context, if it has changed and fits. */
  private write() {
    let encoded: Encoded;
    const { fault } = this;
    try {
      encoded = this.encode();
      this.fault = undefined;
    } catch (error) {
      this.cannotBeWritten(error as Error);
      return;
    }
    const { movable } = this.connection;
    const changed = Buffer.compare(encoded.bytes, this.written) !== 0;
    if (!changed && movable === this.movable && !fault) return;
    if (changed) this.number(encoded);
    this.movable = movable;
    this.link.checkpoint(this.bytes, movable);
  }

  /** Gives a new context its number. */
  private number({ contents, bytes }: Encoded) {
    this.written = bytes;
    this.sequence++;
    const { lane, sequence } = this;
    const numbered = lane ? encodeContext({ ...contents, sequence }) : bytes;
    lane?.set(sequence, numbered);
    this.bytes = bytes.length > 0 ? numbered : undefined;
  }

  /** The context that fitted last stays; a crash closes the client rather than going on with that. */
  private cannotBeWritten(error: Error) {
    const { connectionId } = this.connection;
    if (!this.faultSaid) this.moves.fault(cannotMove(connectionId), error);
    this.faultSaid = true;
    if (!this.fault) this.link.checkpoint(this.bytes, false);
    this.fault = error;
  }

  private encode(): Encoded {
    const contents = this.contents();
    const isEmpty = !contents.state && !contents.batches && !contents.cancelled;
    const bytes = isEmpty ? NOTHING : encodeContext(contents);
    const { maxBytes } = this.moves.limits;
    if (bytes.length > maxBytes) {
      throw new StateTooLargeException(this.connection.connectionId, bytes.length, maxBytes);
    }
    return { contents, bytes };
  }

  private contents(): ConnectionContext {
    const { definition } = this.moves;
    const { pending: batches, cancelled } = this.connection;
    return {
      ...(definition &&
        this.value && { version: definition.version, state: definition.encode(this.value) }),
      ...(batches.length > 0 && { batches }),
      ...(cancelled.length > 0 && { cancelled }),
    };
  }
}
