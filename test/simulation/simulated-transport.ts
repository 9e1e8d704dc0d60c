import type { ServiceCloseCode } from '../../lib/protocol/errors.js';
import { FrameWriter, readFrames } from '../../lib/protocol/frames.js';
import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage, Payload } from '../../lib/protocol/messages.js';
import type { Transport, TransportReceiver } from '../../lib/protocol/transport.js';
import type { SimulatedServer } from './simulated-server.js';
import { WireTap } from './wire-tap.js';
import type { World } from './world.js';
import { takeBatch } from '../support/take-batch.js';

type Delivery = (receiver: TransportReceiver) => void;
type Batch = Delivery[] | Buffer;

const MAX_DATA_BYTES = 1 << 20;

/** One end of a service connection whose batches take their time, in order. */
export class SimulatedTransport implements Transport {
  receiver: TransportReceiver | undefined;
  /** The ingress instance that it passes through, when that is known. */
  ingress: string | undefined;
  private peer!: SimulatedTransport;
  private readonly objects: Delivery[] = [];
  private readonly writer: FrameWriter | undefined;
  private arrivesAt = 0;
  /** Nothing can be sent any more. */
  private closing = false;
  /** The receiver was told that this end is closed. */
  private ended = false;
  private stalled = false;
  private suspectSince: number | undefined;
  private endedAt = Infinity;
  private onEnd: (() => void) | undefined;

  constructor(
    private readonly world: World,
    readonly name: string,
    private readonly tap: WireTap,
    private readonly atRelay: boolean,
  ) {
    if (world.scenario.codec) this.writer = new FrameWriter(512);
  }

  /** The relay's and the hub server's end of a new service connection. */
  static pair(
    world: World,
    server: SimulatedServer,
    ingress: string | undefined,
  ): [SimulatedTransport, SimulatedTransport] {
    const tap = new WireTap(world, server);
    const relay = new SimulatedTransport(world, `${server.serverId} at relay`, tap, true);
    const hub = new SimulatedTransport(world, `${server.serverId} at hub`, tap, false);
    hub.ingress = ingress;
    hub.onEnd = () => server.transportEnded();
    relay.peer = hub;
    hub.peer = relay;
    return [relay, hub];
  }

  get isOpen(): boolean {
    return !this.closing && !this.ended;
  }

  /** Whether the two ends do not agree on whether they are connected, or did not until lately. */
  isSuspect(within: number): boolean {
    if (this.suspectSince === undefined) return false;
    return !this.ended || !this.peer.ended || this.world.clock.now() - this.endedAt <= within;
  }

  /** Whether what this end sends gets lost though it does not know. */
  get isBroken(): boolean {
    return !this.ended && (this.closing || this.stalled);
  }

  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    if (this.atRelay) this.tap.dataSentByRelay(data);
    if (this.closing) return;
    if (this.writer) this.writer.data(link, data, binary, prompt);
    else this.objects.push((receiver) => receiver.onData(link, data, binary, prompt));
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    if (this.closing) return;
    if (this.writer) this.writer.ack(link, count, ranges);
    else this.objects.push((receiver) => receiver.onAck(link, count, ranges));
  }

  control(message: ControlMessage): void {
    if (this.atRelay) this.tap.sentByRelay(message);
    if (this.closing) return;
    const { ledger, random, scenario } = this.world;
    const isLost = message.type === MessageType.FinAck && random.chance(scenario.loseFinAck);
    if (isLost) ledger.count('FINACK lost');
    // Only what it says is lost: the sender takes it for a sign of life, and its peer has to get one.
    const sent: ControlMessage = isLost ? { type: MessageType.Ping } : message;
    if (sent.type !== MessageType.Ping) {
      ledger.trace(() => `${this.name} sends ${describe(sent)}`);
    }
    if (this.writer) this.writer.control(sent);
    else this.objects.push((receiver) => receiver.onControl(sent));
  }

  flush(): void {
    if (this.closing) return;
    const batch: Batch = this.writer ? takeBatch(this.writer) : this.objects.splice(0);
    if (batch.length === 0 || this.stalled) return;
    this.atPeer(() => this.peer.arrive(batch));
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.atRelay) this.tap.ended();
    if (this.closing) return;
    this.flush();
    this.closing = true;
    const { clock, ledger, random, scenario } = this.world;
    ledger.trace(() => `${this.name} closes: ${code} ${reason}`);
    const expected = this.suspectSince !== undefined && (code === 4429 || code === 4408);
    if (code >= 4400 && !expected) {
      ledger.violate(3, `${this.name} closed with ${code} ${reason}`);
    }
    if (!this.stalled) this.atPeer(() => this.peer.end(code, reason));
    if (scenario.closesAtOnce) this.end(code, reason);
    else clock.after(random.int(0, scenario.maxDelay * 2), () => this.end(code, reason));
  }

  /** The network fails: both ends learn of it, each at its time. */
  cut(): void {
    const { random, scenario } = this.world;
    for (const end of [this, this.peer]) end.failAfter(random.int(0, scenario.maxDelay * 3));
  }

  /** The network fails, and one end goes on for a long time as if nothing had happened. */
  halfOpen(relayIsLate: boolean): void {
    const { random } = this.world;
    for (const end of [this, this.peer]) {
      end.suspectSince = this.world.clock.now();
      end.failAfter(end.atRelay === relayIsLate ? random.int(300, 1500) : 0);
    }
  }

  /** Nothing gets through any more, and nobody is told. */
  stall(): void {
    this.stalled = this.peer.stalled = true;
    this.suspectSince = this.peer.suspectSince = this.world.clock.now();
  }

  private failAfter(ms: number) {
    this.closing = true;
    this.world.clock.after(ms, () => this.end(1006, 'cut'));
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
          onBatch: () => receiver.onBatch(),
          onData: (...args) => receiver.onData(...args),
          onAck: (link, count, ranges) => {
            if (!this.closing) tap.ackArrivedAtRelay(link, count, ranges);
            receiver.onAck(link, count, ranges);
          },
          onControl: (message) => {
            tap.arrivedAtRelay(message);
            receiver.onControl(message);
          },
          onFault: (error) => receiver.onFault(error),
          onClosed: () => undefined,
        }
      : receiver;
    try {
      tapped.onBatch();
      if (Array.isArray(batch)) for (const deliver of batch) deliver(tapped);
      else readFrames(batch, tapped, MAX_DATA_BYTES);
    } catch (error) {
      receiver.onFault(error);
    }
  }

  private end(code: number, reason: string) {
    if (this.ended) return;
    this.ended = this.closing = true;
    this.endedAt = this.peer.endedAt = this.world.clock.now();
    if (this.atRelay) this.tap.ended();
    this.receiver?.onClosed(code, reason);
    this.onEnd?.();
  }
}

function describe(message: ControlMessage): string {
  const name = Object.entries(MessageType).find(([, type]) => type === message.type)?.[0];
  const {
    type: _,
    request: __,
    endpoints: ___,
    context,
    ...rest
  } = message as ControlMessage & {
    request?: unknown;
    endpoints?: unknown;
    context?: Uint8Array;
  };
  const what = context && ` with ${Buffer.from(context).toString()}`;
  return `${name} ${JSON.stringify(rest)}${what ?? ''}`;
}
