import type { ServiceCloseCode } from './errors.js';
import type { ControlMessage, Payload } from './messages.js';
import type { Transport, TransportReceiver } from './transport.js';

type Delivery = (receiver: TransportReceiver) => void;

/**
 * One end of a service connection within a process: messages are handed over as they are, without
 * serialisation and without a copy.
 */
export class InProcessTransport implements Transport {
  receiver: TransportReceiver | undefined;
  private peer!: InProcessTransport;
  private queue: Delivery[] = [];
  private closed = false;

  /** The two ends of a new service connection. */
  static pair(): [InProcessTransport, InProcessTransport] {
    const ends: [InProcessTransport, InProcessTransport] = [
      new InProcessTransport(),
      new InProcessTransport(),
    ];
    ends[0].peer = ends[1];
    ends[1].peer = ends[0];
    return ends;
  }

  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    this.queue.push((receiver) => receiver.onData(link, data, binary, prompt));
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.queue.push((receiver) => receiver.onAck(link, count, ranges));
  }

  control(message: ControlMessage): void {
    this.queue.push((receiver) => receiver.onControl(message));
  }

  flush(): void {
    const { queue, peer } = this;
    if (queue.length === 0) return;
    this.queue = [];
    peer.receiver?.onBatch();
    for (const delivery of queue) {
      if (peer.closed || !peer.receiver) return;
      try {
        delivery(peer.receiver);
      } catch (error) {
        peer.receiver.onFault(error);
      }
    }
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.closed) return;
    this.flush();
    if (this.closed) return;
    this.closed = true;
    this.peer.close(code, reason);
    this.receiver?.onClosed(code, reason);
  }
}
