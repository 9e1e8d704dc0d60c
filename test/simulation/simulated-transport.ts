import type { ServiceCloseCode } from '../../lib/protocol/errors.js';
import { FrameWriter, readFrames } from '../../lib/protocol/frames.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage, Payload } from '../../lib/protocol/messages.js';
import type { Transport, TransportReceiver } from '../../lib/protocol/transport.js';
import { WireTap } from './wire-tap.js';
import type { World } from './world.js';

type Delivery = (receiver: TransportReceiver) => void;
type Batch = Delivery[] | Buffer;

const MAX_DATA_BYTES = 1 << 20;

/** One end of a service connection whose batches take their time, in order. */
export class SimulatedTransport implements Transport {
  receiver: TransportReceiver | undefined;
  private peer!: SimulatedTransport;
  private readonly objects: Delivery[] = [];
  private readonly writer: FrameWriter | undefined;
  private arrivesAt = 0;
  /** Nothing can be sent any more. */
  private closing = false;
  /** The receiver was told that this end is closed. */
  private ended = false;
  private stalled = false;

  constructor(
    private readonly world: World,
    readonly name: string,
    private readonly tap: WireTap,
    private readonly atRelay: boolean,
  ) {
    if (world.scenario.codec) this.writer = new FrameWriter(512);
  }

  /** The relay's and the hub server's end of a new service connection. */
  static pair(world: World, name: string): [SimulatedTransport, SimulatedTransport] {
    const tap = new WireTap(world);
    const relay = new SimulatedTransport(world, `${name} at relay`, tap, true);
    const hub = new SimulatedTransport(world, `${name} at hub`, tap, false);
    relay.peer = hub;
    hub.peer = relay;
    return [relay, hub];
  }

  get isOpen(): boolean {
    return !this.closing && !this.ended;
  }

  data(link: number, data: Payload, binary: boolean): void {
    if (this.closing) return;
    if (this.writer) this.writer.data(link, data, binary);
    else this.objects.push((receiver) => receiver.onData(link, data, binary));
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    if (this.closing) return;
    if (this.writer) this.writer.ack(link, count, ranges);
    else this.objects.push((receiver) => receiver.onAck(link, count, ranges));
  }

  control(message: ControlMessage): void {
    if (this.closing) return;
    const { ledger, random, scenario } = this.world;
    if (message.type === MessageType.FinAck && random.chance(scenario.loseFinAck)) {
      ledger.count('FINACK lost');
      return;
    }
    if (message.type !== MessageType.Ping) {
      ledger.trace(() => `${this.name} sends ${describe(message)}`);
    }
    if (this.atRelay) this.tap.sentByRelay(message);
    if (this.writer) this.writer.control(message);
    else this.objects.push((receiver) => receiver.onControl(message));
  }

  flush(): void {
    if (this.closing) return;
    const batch: Batch = this.writer ? this.writer.take() : this.objects.splice(0);
    if (batch.length === 0 || this.stalled) return;
    this.atPeer(() => this.peer.arrive(batch));
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.closing) return;
    this.flush();
    this.closing = true;
    const { clock, ledger, random, scenario } = this.world;
    ledger.trace(() => `${this.name} closes: ${code} ${reason}`);
    if (code >= 4400 && !(this.stalled && (code === 4429 || code === 4408))) {
      ledger.violate(3, `${this.name} closed with ${code} ${reason}`);
    }
    if (!this.stalled) this.atPeer(() => this.peer.end(code, reason));
    else clock.after(0, () => this.peer.end(1006, 'stalled'));
    if (scenario.closesAtOnce) this.end(code, reason);
    else clock.after(random.int(0, scenario.maxDelay * 2), () => this.end(code, reason));
  }

  /** The network fails: both ends learn of it, each at its time. */
  cut(): void {
    const { clock, random, scenario } = this.world;
    for (const end of [this, this.peer]) {
      end.closing = true;
      clock.after(random.int(0, scenario.maxDelay * 3), () => end.end(1006, 'cut'));
    }
  }

  /** Nothing gets through any more, and nobody is told. */
  stall(): void {
    this.stalled = this.peer.stalled = true;
  }

  private atPeer(event: () => void) {
    const { clock, random, scenario } = this.world;
    this.arrivesAt = Math.max(this.arrivesAt, clock.now() + random.int(0, scenario.maxDelay));
    clock.after(this.arrivesAt - clock.now(), event);
  }

  private arrive(batch: Batch) {
    const { receiver, tap } = this;
    if (this.ended || this.stalled || !receiver) return;
    const tapped: TransportReceiver = this.atRelay
      ? {
          onData: (link, data, binary) => receiver.onData(link, data, binary),
          onAck: (link, count, ranges) => receiver.onAck(link, count, ranges),
          onControl: (message) => {
            tap.arrivedAtRelay(message);
            receiver.onControl(message);
          },
          onFault: (error) => receiver.onFault(error),
          onClosed: () => undefined,
        }
      : receiver;
    try {
      if (Array.isArray(batch)) for (const deliver of batch) deliver(tapped);
      else readFrames(batch, tapped, MAX_DATA_BYTES);
    } catch (error) {
      receiver.onFault(error);
    }
  }

  private end(code: number, reason: string) {
    if (this.ended) return;
    this.ended = this.closing = true;
    if (this.atRelay) this.tap.ended();
    this.receiver?.onClosed(code, reason);
  }
}

function describe(message: ControlMessage): string {
  const name = Object.entries(MessageType).find(([, type]) => type === message.type)?.[0];
  const {
    type: _,
    request: __,
    endpoints: ___,
    ...rest
  } = message as ControlMessage & {
    request?: unknown;
    endpoints?: unknown;
  };
  return `${name} ${JSON.stringify(rest)}`;
}
