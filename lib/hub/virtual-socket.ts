import process from 'node:process';
import { Buffer } from 'node:buffer';
import type { HubLinkOwner } from '../protocol/hub-link-owner.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { MigrationInfo, Payload } from '../protocol/messages.js';
import { payloadBytes } from '../protocol/retention.js';
import { CountedText } from './counted-text.js';
import { PLAIN_MOVES } from './endpoint-moves.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { listenerFailed, messageTooLarge, notSent, tooSlow } from './hub.messages.js';
import { MessageCompletion } from './message-completion.js';
import { MessageFragments } from './message-fragments.js';
import { MovableClient } from './movable-client.js';
import { checkClose, toBytes, toPayload } from './socket-data.js';
import type { SendData } from './socket-data.js';
import { addEventTarget } from './event-target.js';
import type { VirtualServer } from './virtual-server.js';
import type { VirtualSocketLimits } from './virtual-socket-limits.js';

type Callback = (error?: Error) => void;
interface SendOptions {
  binary?: boolean;
  fin?: boolean;
}

const lastText = new CountedText();
const EMPTY = Buffer.alloc(0);
const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'];

/**
 * A client as gateways see it: a `ws` WebSocket whose socket is at the relay. Messages are handed to
 * the `message` listeners at once; each counts as handled when all of them are done with it.
 */
export class VirtualSocket extends MovableClient implements HubLinkOwner {
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;
  readyState: 0 | 1 | 2 | 3 = 1;
  protocol = '';
  isPaused = false;
  private inbox: { data: Payload; binary: boolean }[] | undefined;
  private fragments: MessageFragments | undefined;
  private end: { code: number; reason: string } | undefined;
  private completion: MessageCompletion | undefined;

  constructor(
    readonly server: VirtualServer,
    connectionId: string,
    private readonly limits: VirtualSocketLimits,
    moves: EndpointMoves = PLAIN_MOVES,
  ) {
    super(connectionId, moves);
    this.setMaxListeners(0);
  }

  get extensions(): string {
    return '';
  }

  /** Read by the `close` events of `ws`, for `wasClean`. */
  protected get _closeFrameReceived(): boolean {
    return this.end !== undefined && this.end.code !== 1006;
  }

  protected get _closeFrameSent(): boolean {
    return this._closeFrameReceived;
  }

  get bufferedAmount(): number {
    return this.link.bufferedBytes;
  }

  /** The message that is being handed to the listeners. */
  get current(): MessageCompletion | undefined {
    return this.completion;
  }

  attach(link: HubLink): void {
    this.link = link;
  }

  /**
   * Sends a message to the client.
   * @param data bytes must not be changed before the callback: they are kept, not copied
   * @param callback called once the client's socket has taken it, or with an error when it never will
   */
  send(data: SendData, options?: SendOptions | Callback, callback?: Callback): void {
    if (typeof data === 'string' && !options && !callback && !this.fragments) {
      this.sendWhole(data, false, undefined);
      return;
    }
    const settings = typeof options === 'object' ? options : {};
    const done = this.guarded(typeof options === 'function' ? options : callback);
    if (this.readyState !== this.OPEN || this.end) {
      this.tooLate(done);
      return;
    }
    const { payload, binary } = toPayload(data, settings.binary);
    const last = settings.fin !== false;
    if (last && !this.fragments) {
      this.sendWhole(payload, binary, done);
      return;
    }
    this.fragments ??= new MessageFragments();
    const bytes = payloadBytes(payload) + this.fragments.bytes;
    if (!this.hasRoomFor(bytes, done)) return;
    const whole = this.fragments.add(payload, binary, last);
    if (whole) this.link.send(whole.payload, whole.binary, done);
    else done?.();
  }

  close(code?: number, data?: string | Buffer): void {
    if (this.readyState !== this.OPEN) return;
    const reason = checkClose(code, data);
    this.readyState = this.CLOSING;
    this.link.close(code ?? 1005, reason);
  }

  terminate(): void {
    if (this.readyState !== this.CLOSED) this.cut(1006, '');
  }

  ping(data?: SendData | Callback, mask?: boolean | Callback, callback?: Callback): void {
    this.control((bytes) => this.link.ping(bytes), data, mask, callback);
  }

  pong(data?: SendData | Callback, mask?: boolean | Callback, callback?: Callback): void {
    this.control((bytes) => this.link.pong(bytes), data, mask, callback);
  }

  pause(): void {
    if (this.readyState !== this.CLOSED) this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    process.nextTick(() => this.handOver());
  }

  deliver(data: Payload, binary: boolean): void {
    if (!this.isPaused && !this.inbox && !this.waits) {
      this.dispatch(data, binary);
      return;
    }
    (this.inbox ??= []).push({ data, binary });
    if (this.link.leaving) this.work?.attention(data, binary);
  }

  pongReceived(data: Uint8Array): void {
    this.guard(() => this.emit('pong', Buffer.from(data)));
  }

  closed(code: number, reason: string, migration: MigrationInfo | undefined): void {
    if (migration) {
      const { server, reason: why, attempt } = migration;
      this.migration = Object.freeze({ to: server, reason: why, attempt });
      this.inbox = undefined;
    } else {
      this.migration = undefined;
    }
    this.end = { code, reason };
    this.left(migration !== undefined);
    this.handOver();
  }

  /** Whether the connection is not this server's any more. */
  get hasEnded(): boolean {
    return this.end !== undefined;
  }

  protected get isOver(): boolean {
    return this.hasEnded || this.readyState !== this.OPEN;
  }

  protected handOver(): void {
    while (this.inbox?.length && !this.isPaused && !this.waits) {
      const { data, binary } = this.inbox.shift()!;
      this.dispatch(data, binary);
    }
    if (this.inbox?.length) return;
    this.inbox = undefined;
    if (this.end) this.finish();
  }

  private sendWhole(data: Payload, binary: boolean, done: Callback | undefined) {
    if (this.readyState !== this.OPEN || this.end) {
      this.tooLate(done);
      return;
    }
    const bytes = typeof data === 'string' ? lastText.bytesOf(data) : data.length;
    if (this.hasRoomFor(bytes, done)) this.link.send(data, binary, done, bytes);
  }

  private hasRoomFor(bytes: number, done: Callback | undefined): boolean {
    const { maxMessageBytes, maxBufferedBytes } = this.limits;
    if (bytes > maxMessageBytes) {
      this.giveUp(1009, messageTooLarge(bytes, maxMessageBytes), done);
    } else if (bytes + this.link.bufferedBytes > maxBufferedBytes) {
      this.giveUp(1013, tooSlow(maxBufferedBytes), done);
    } else {
      return true;
    }
    return false;
  }

  private dispatch(data: Payload, binary: boolean) {
    const completion = new MessageCompletion(this.link, this.link.delivered());
    this.completion = completion;
    try {
      this.emitMessage(data, binary);
    } catch (error) {
      this.limits.fault(listenerFailed(this.connectionId), error);
    }
    this.completion = undefined;
    this.handedOver(completion.number);
    completion.dispatched();
  }

  /** Tells the listeners of the end: once, and never within another event. */
  private finish() {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    const { code, reason } = this.end!;
    process.nextTick(() => {
      this.server.clients.delete(this.client);
      this.guard(() => this.emit('close', code, Buffer.from(reason)));
    });
  }

  private control(
    send: (data: Buffer) => void,
    data: SendData | Callback,
    mask: boolean | Callback | undefined,
    callback: Callback | undefined,
  ) {
    const done = this.guarded(
      [data, mask, callback].find((it): it is Callback => typeof it === 'function'),
    );
    if (this.readyState !== this.OPEN || this.end) {
      this.tooLate(done);
      return;
    }
    const bytes = typeof data === 'function' ? EMPTY : toBytes(data);
    if (bytes.length > 125) {
      throw new RangeError('The data size must not be greater than 125 bytes');
    }
    send(bytes);
    done?.();
  }

  private tooLate(done: Callback | undefined) {
    const readyState = this.end ? this.CLOSED : this.readyState;
    const state = STATES[readyState];
    done?.(new Error(`WebSocket is not open: readyState ${readyState} (${state})`));
  }

  private giveUp(code: number, reason: string, done: Callback | undefined) {
    const error = new Error(reason);
    this.limits.fault(notSent(this.connectionId, code), error);
    this.cut(code, code === 1009 ? 'message too large' : 'client too slow');
    done?.(error);
  }

  /** Ends without the messages that wait, in both directions. */
  private cut(code: number, reason: string) {
    this.readyState = this.CLOSING;
    this.isPaused = false;
    this.inbox = undefined;
    this.link.abort(code, reason);
  }

  /** Calls the application's callback later, outside the work on other clients, as `ws` does. */
  private guarded(callback: Callback | undefined): Callback | undefined {
    return callback && ((error) => process.nextTick(() => this.guard(() => callback(error))));
  }

  /** A fault of one listener must not cost the clients that share the service connection. */
  private guard(run: () => void) {
    try {
      run();
    } catch (error) {
      this.limits.fault(listenerFailed(this.connectionId), error);
    }
  }
}

addEventTarget(VirtualSocket.prototype);
for (const [value, name] of STATES.entries()) {
  Object.defineProperty(VirtualSocket.prototype, name, { value, enumerable: true });
}
