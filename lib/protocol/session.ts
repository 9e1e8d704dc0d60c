import type { Clock, Timer } from './clock.js';
import { ProtocolError, ServiceCloseCode } from './errors.js';
import { MAX_ACK_RANGES } from './frames.js';
import { MessageType } from './messages.js';
import type { ControlMessage, LinkMessage, Payload } from './messages.js';
import type { Transport, TransportReceiver } from './transport.js';

/** Time that acknowledgements wait for each other when nobody waits for them, in milliseconds. */
const LATE_ACK_MS = 10;
/** From then on they leave with the next data: that saves a write. */
const LATE_ACK_ALONG_MS = 8;

/** What a session gives a link that is bound to it. */
export interface LinkChannel {
  /** @param prompt whether the acknowledgement is waited for */
  sendData(link: number, data: Payload, binary: boolean, prompt?: boolean): void;
  sendAck(link: number, count: number, ranges: readonly number[]): void;
  sendControl(message: ControlMessage): void;
  /**
   * Has `source` write its acknowledgement at the end of this turn, behind the data.
   * @param late a little later: nobody waits for it
   */
  scheduleAck(source: AckSource, late?: boolean): void;
  /** The link number is free; what still arrives for it is stale. */
  release(link: number): void;
}

/** One that writes an acknowledgement when its channel is about to flush. */
export interface AckSource {
  writeAck(): void;
}

/** One end of a link, as its session sees it. */
export interface LinkEnd {
  onData(data: Payload, binary: boolean, prompt?: boolean): void;
  onAck(count: number, ranges: readonly number[]): void;
  onMessage(message: LinkMessage): void;
  /** The service connection is gone, and the link's binding with it. */
  onLost(code: number, reason: string): void;
}

export interface SessionTimes {
  /** Silence after which a keep-alive ping is sent, in milliseconds. */
  keepAliveMs: number;
  /** Silence after which the peer counts as dead, in milliseconds. */
  deadAfterMs: number;
  /** Limit of the handshake in milliseconds. */
  handshakeTimeoutMs: number;
}

/**
 * What both ends of a service connection share: the table of links, keep-alive, the handshake's
 * limit, one flush a turn, and the end with a code and a reason.
 */
export abstract class Session implements TransportReceiver, LinkChannel {
  protected readonly links = new Map<number, LinkEnd>();
  /** The highest link number given out; lower ones that are not in the table are stale. */
  protected highestLink = 0;
  protected established = false;
  private ended = false;
  private ackSources: AckSource[] = [];
  private lateAckSources: AckSource[] = [];
  private lateAckTimer: Timer;
  private lateAcksFrom = 0;
  private flushing = false;
  private lastHeard: number;
  private lastSent: number;
  private timer: Timer;
  /** Frames dropped because their link had moved or ended. */
  staleFrames = 0;

  constructor(
    protected readonly transport: Transport,
    protected readonly clock: Clock,
    protected times: SessionTimes,
  ) {
    this.lastHeard = this.lastSent = clock.now();
    this.timer = clock.setTimer(
      () => this.end(ServiceCloseCode.HandshakeTimeout, 'no handshake within the limit'),
      times.handshakeTimeoutMs,
    );
    transport.receiver = this;
  }

  get open(): boolean {
    return this.established && !this.ended;
  }

  onBatch(): void {
    this.lastHeard = this.clock.now();
  }

  onData(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    this.find(link)?.onData(data, binary, prompt);
  }

  onAck(link: number, count: number, ranges: readonly number[]): void {
    this.find(link)?.onAck(count, ranges);
  }

  onControl(message: ControlMessage): void {
    if (!this.established) {
      this.onHandshake(message);
      return;
    }
    if (message.type !== MessageType.Ping) this.onMessage(message);
  }

  onFault(error: unknown): void {
    if (error instanceof ProtocolError) this.end(error.code, error.message);
    else {
      this.onInternalFault(error);
      this.end(ServiceCloseCode.Internal, 'internal fault');
    }
  }

  onClosed(code: number, reason: string): void {
    if (!this.ended) this.stopTimers();
    const lost = [...this.links.values()];
    this.links.clear();
    for (const link of lost) link.onLost(code, reason);
    this.onEnded(code, reason);
  }

  sendData(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    this.transport.data(link, data, binary, prompt);
    this.scheduleFlush();
  }

  sendAck(link: number, count: number, ranges: readonly number[]): void {
    let rest = ranges;
    for (; rest.length > 2 * MAX_ACK_RANGES; rest = rest.slice(2 * MAX_ACK_RANGES)) {
      this.transport.ack(link, count, rest.slice(0, 2 * MAX_ACK_RANGES));
    }
    this.transport.ack(link, count, rest);
  }

  sendControl(message: ControlMessage): void {
    this.transport.control(message);
    this.scheduleFlush();
  }

  scheduleAck(source: AckSource, late = false): void {
    if (late) {
      if (this.lateAckSources.push(source) === 1) {
        this.lateAcksFrom = this.clock.now();
        this.lateAckTimer = this.clock.setTimer(() => this.writeLateAcks(), LATE_ACK_MS);
      }
      return;
    }
    this.ackSources.push(source);
    this.scheduleFlush();
  }

  release(link: number): void {
    this.links.delete(link);
  }

  /** Ends the session; links learn of it when the transport reports that it is closed. */
  end(code: ServiceCloseCode, reason: string): void {
    if (this.ended) return;
    this.stopTimers();
    this.flush();
    this.transport.close(code, reason);
  }

  /** Messages before the handshake is complete. */
  protected abstract onHandshake(message: ControlMessage): void;
  protected abstract onMessage(message: ControlMessage): void;
  protected abstract onEnded(code: number, reason: string): void;
  /** A fault of this process, not of the peer. */
  protected abstract onInternalFault(error: unknown): void;

  protected onEstablished(): void {
    this.established = true;
    this.clock.clearTimer(this.timer);
    this.armKeepAlive();
  }

  /** Hands a message to its link; one for a link that moved or ended is dropped and counted. */
  protected toLink(message: LinkMessage): void {
    this.find(message.link)?.onMessage(message);
  }

  protected refuse(code: ServiceCloseCode, reason: string): never {
    throw new ProtocolError(code, reason);
  }

  private find(link: number): LinkEnd | undefined {
    const end = this.links.get(link);
    if (end) return end;
    if (!this.established) this.refuse(ServiceCloseCode.OutOfOrder, 'frame before the handshake');
    if (link > this.highestLink || link === 0) {
      this.refuse(ServiceCloseCode.UnknownLink, `unknown link ${link}`);
    }
    this.staleFrames++;
    return undefined;
  }

  private writeLateAcks() {
    this.takeLateAcks();
    this.scheduleFlush();
  }

  private takeLateAcks() {
    this.lateAckTimer = undefined;
    for (const source of this.lateAckSources) this.ackSources.push(source);
    this.lateAckSources = [];
  }

  private stopTimers() {
    this.ended = true;
    this.clock.clearTimer(this.timer);
    this.clock.clearTimer(this.lateAckTimer);
  }

  private scheduleFlush() {
    if (this.flushing) return;
    this.flushing = true;
    this.clock.defer(this.flush, true);
  }

  private readonly flush = () => {
    this.flushing = false;
    const now = this.clock.now();
    if (this.lateAckSources.length > 0 && now - this.lateAcksFrom >= LATE_ACK_ALONG_MS) {
      this.clock.clearTimer(this.lateAckTimer);
      this.takeLateAcks();
    }
    const sources = this.ackSources;
    if (sources.length > 0) {
      this.ackSources = [];
      for (const source of sources) source.writeAck();
    }
    this.lastSent = now;
    this.transport.flush();
  };

  private armKeepAlive() {
    const { keepAliveMs, deadAfterMs } = this.times;
    const due = Math.min(this.lastSent + keepAliveMs, this.lastHeard + deadAfterMs);
    this.timer = this.clock.setTimer(
      () => {
        const now = this.clock.now();
        if (now - this.lastHeard >= deadAfterMs) {
          this.end(ServiceCloseCode.Silent, `nothing heard for ${deadAfterMs} ms`);
          return;
        }
        if (now - this.lastSent >= keepAliveMs) {
          this.lastSent = now;
          this.sendControl({ type: MessageType.Ping });
        }
        this.armKeepAlive();
      },
      Math.max(1, due - this.clock.now()),
    );
  }
}
