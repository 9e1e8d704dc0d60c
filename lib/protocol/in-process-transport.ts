import type { ServiceCloseCode } from './errors.js';
import type { ControlMessage, Payload } from './messages.js';
import type { Transport, TransportReceiver } from './transport.js';

/** Data, acknowledgements and control messages: what they consist of, one after the other. */
type Queued = ControlMessage | Payload | number | boolean | readonly number[];

const DATA = 0;
const ACK = 1;
const CONTROL = 2;
/** How many places each takes in the queue. */
const LENGTHS = [5, 4, 2];

/**
 * One end of a service connection within a process: messages are handed over as they are, without
 * serialisation and without a copy.
 */
export class InProcessTransport implements Transport {
  receiver: TransportReceiver | undefined;
  private peer!: InProcessTransport;
  private queue: Queued[] = [];
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

  data(link: number, data: Payload, binary: boolean, prompt = false): void {
    this.queue.push(DATA, link, data, binary, prompt);
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.queue.push(ACK, link, count, ranges);
  }

  control(message: ControlMessage): void {
    this.queue.push(CONTROL, message);
  }

  flush(): void {
    const { queue, peer } = this;
    if (queue.length === 0) return;
    this.queue = [];
    peer.receiver?.onBatch();
    for (let at = 0; at < queue.length; at += LENGTHS[queue[at] as number]!) {
      const { receiver } = peer;
      if (peer.closed || !receiver) return;
      try {
        deliver(queue, at, receiver);
      } catch (error) {
        receiver.onFault(error);
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

function deliver(queue: readonly Queued[], at: number, receiver: TransportReceiver) {
  const link = queue[at + 1] as number;
  if (queue[at] === DATA) {
    const [binary, prompt] = [queue[at + 3] as boolean, queue[at + 4] as boolean];
    receiver.onData(link, queue[at + 2] as Payload, binary, prompt);
  } else if (queue[at] === ACK) {
    receiver.onAck(link, queue[at + 2] as number, queue[at + 3] as readonly number[]);
  } else {
    receiver.onControl(queue[at + 1] as ControlMessage);
  }
}
