import { ServiceCloseCode } from '../../../lib/protocol/errors.js';
import type { ControlMessage, Payload } from '../../../lib/protocol/messages.js';
import type { Session } from '../../../lib/protocol/session.js';
import type { Transport, TransportReceiver } from '../../../lib/protocol/transport.js';
import type { ProcessClock } from './step-clock.js';

/** One message on its way. */
export type Sent =
  | { kind: 'data'; link: number; data: Payload; binary: boolean; prompt: boolean }
  | { kind: 'ack'; link: number; count: number; ranges: readonly number[] }
  | { kind: 'control'; message: ControlMessage };

/** Messages that left together, or the other end's close. */
type Batch = Sent[] | { code: number; reason: string };

/** Reads along. */
export interface WireObserver {
  sent(end: WireEnd, sent: Sent): void;
  arrived(end: WireEnd, sent: Sent): void;
  closes(end: WireEnd, code: number, reason: string): void;
  /** This end knows that the service connection is gone. */
  ended(end: WireEnd): void;
}

/** One end of a service connection on which each batch arrives when it is told to. */
export class WireEnd implements Transport {
  receiver: TransportReceiver | undefined;
  ended = false;
  private unsent: Sent[] = [];
  private readonly arriving: Batch[] = [];
  private peer!: WireEnd;

  constructor(
    readonly wire: Wire,
    readonly atRelay: boolean,
    readonly clock: ProcessClock,
  ) {}

  join(peer: WireEnd): void {
    this.peer = peer;
  }

  /** Whether something can arrive here. */
  get hasArrivals(): boolean {
    return this.arriving.length > 0 && !this.ended && !this.clock.stopped;
  }

  data(link: number, data: Payload, binary: boolean, prompt = false): void {
    this.send({ kind: 'data', link, data, binary, prompt });
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.send({ kind: 'ack', link, count, ranges: [...ranges] });
  }

  control(message: ControlMessage): void {
    this.send({ kind: 'control', message });
  }

  flush(): void {
    const batch = this.unsent;
    if (batch.length === 0) return;
    this.unsent = [];
    if (!this.ended && !this.wire.broken) this.peer.arriving.push(batch);
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.ended) return;
    this.wire.observer.closes(this, code, reason);
    this.flush();
    if (!this.wire.broken) this.peer.arriving.push({ code, reason });
    this.end(code, reason);
  }

  /** What was sent last arrives twice. */
  repeat(): void {
    const last = this.peer.arriving.at(-1);
    if (last) this.peer.arriving.push(last);
  }

  /** What comes next arrives. */
  arrive(): void {
    const batch = this.arriving.shift()!;
    if (!Array.isArray(batch)) {
      this.end(batch.code, batch.reason);
      return;
    }
    this.receiver!.onBatch();
    for (const sent of batch) {
      if (this.ended) return;
      const receiver = this.receiver!;
      try {
        this.hand(sent, receiver);
      } catch (error) {
        receiver.onFault(error);
      }
    }
  }

  /** This end learns that the service connection is gone. */
  end(code: number, reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.arriving.length = this.unsent.length = 0;
    this.wire.observer.ended(this);
    const { receiver } = this;
    this.receiver = undefined;
    receiver?.onClosed(code, reason);
  }

  /** This end has heard nothing for too long. */
  timeOut(reason: string): void {
    (this.receiver as Session).end(ServiceCloseCode.Silent, reason);
  }

  private send(sent: Sent) {
    this.wire.observer.sent(this, sent);
    if (!this.ended) this.unsent.push(sent);
  }

  private hand(sent: Sent, receiver: TransportReceiver) {
    this.wire.observer.arrived(this, sent);
    if (sent.kind === 'data') receiver.onData(sent.link, sent.data, sent.binary, sent.prompt);
    else if (sent.kind === 'ack') receiver.onAck(sent.link, sent.count, sent.ranges);
    else receiver.onControl(sent.message);
  }
}

/** A service connection. */
export class Wire {
  readonly name: string;
  readonly relay: WireEnd;
  readonly hub: WireEnd;
  /** What is sent from now on does not arrive; each end learns of it at its time. */
  broken = false;

  constructor(
    readonly serverId: string,
    /** Of the service connections of this hub server. */
    readonly number: number,
    readonly ingress: string,
    readonly observer: WireObserver,
    relayClock: ProcessClock,
    hubClock: ProcessClock,
  ) {
    this.name = `${serverId}${number}`;
    this.relay = new WireEnd(this, true, relayClock);
    this.hub = new WireEnd(this, false, hubClock);
    this.relay.join(this.hub);
    this.hub.join(this.relay);
  }
}
