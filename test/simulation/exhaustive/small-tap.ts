import { MessageType } from '../../../lib/protocol/messages.js';
import type { ControlMessage } from '../../../lib/protocol/messages.js';
import type { Ledger } from '../ledger.js';
import type { Sent, Wire, WireEnd, WireObserver } from './wire.js';

/** A link on a service connection. */
interface Place {
  wire: Wire;
  link: number;
  epoch: number;
  /** The hub server that was lost, when this one was asked to take over. */
  takenFrom: string | undefined;
}

/** A message that gives a link a number on a service connection. */
interface Binding {
  link: number;
  epoch: number;
}

/** Reads along on all service connections, and judges what can be judged from that alone. */
export class SmallTap implements WireObserver {
  /** Every message that arrived, as `<from> <type>`: the protocol's steps. */
  onArrival: ((end: WireEnd, message: ControlMessage) => void) | undefined;
  onDeparture: ((end: WireEnd, message: ControlMessage) => void) | undefined;
  private epoch = 0;
  private places: Place[] = [];
  private asked: Place | undefined;
  private home: Place | undefined;
  /** Hub servers that were left: whether their last word came before the relay waited no more. */
  readonly lastWords = new Map<string, boolean>();
  /** Epochs with which hub servers got the client and the relay heard that they did. */
  readonly held = new Set<number>();
  private readonly acknowledged = new Set<number>();

  constructor(
    private readonly ledger: Ledger,
    private readonly isExpected: (wire: Wire, code: number) => boolean,
    private readonly takeover: (from: string) => void,
  ) {}

  sent(end: WireEnd, sent: Sent): void {
    if (sent.kind === 'data') {
      if (end.atRelay) this.checkNotAcknowledged(sent.data.toString());
      return;
    }
    if (sent.kind === 'ack') return;
    const { message } = sent;
    this.ledger.trace(() => `${this.nameOf(end)} sends ${describe(message)}`);
    this.onDeparture?.(end, message);
    if (end.atRelay) this.sentByRelay(end.wire, message);
  }

  arrived(end: WireEnd, sent: Sent): void {
    if (sent.kind === 'control') this.onArrival?.(end, sent.message);
    if (!end.atRelay || sent.kind === 'data') return;
    if (sent.kind === 'ack') {
      const { home } = this;
      if (home?.wire === end.wire && home.link === sent.link) this.acknowledge(sent);
      return;
    }
    const { message } = sent;
    if (message.type === MessageType.ConnectionReleased) this.lastWord(end.wire, true);
    const isOpened = message.type === MessageType.OpenConnectionResponse;
    if (!isOpened && message.type !== MessageType.RebindConnectionResponse) return;
    const place = this.places.find((it) => it.wire === end.wire && it.link === message.link);
    if (!place || !message.accepted) return;
    if (!isOpened && place !== this.asked) return;
    this.home = place;
    if (isOpened) this.held.add(place.epoch);
    const { takenFrom } = place;
    if (takenFrom === undefined) return;
    for (const side of this.ledger.connections) if (side.serverId === takenFrom) side.lost = true;
  }

  closes(end: WireEnd, code: number, reason: string): void {
    this.ledger.trace(() => `${this.nameOf(end)} closes: ${code} ${reason}`);
    if (code >= 4400 && !this.isExpected(end.wire, code)) {
      this.ledger.violate(3, `${this.nameOf(end)} closed with ${code} ${reason}`);
    }
  }

  ended(end: WireEnd): void {
    this.ledger.trace(() => `${this.nameOf(end)} is over`);
    if (end.atRelay) this.places = this.places.filter(({ wire }) => wire !== end.wire);
  }

  private nameOf({ atRelay, wire }: WireEnd): string {
    return `${atRelay ? 'relay on' : 'hub on'} ${wire.name}`;
  }

  private sentByRelay(wire: Wire, message: ControlMessage) {
    switch (message.type) {
      case MessageType.OpenConnection: {
        const { reason, server } = message.migration ?? {};
        const takenFrom = reason === 'crash' ? server : undefined;
        if (takenFrom !== undefined) this.takeover(takenFrom);
        this.bind(wire, message, takenFrom);
        return;
      }
      case MessageType.MigrateConnectionAck:
        // To a server that was left, it is about its last word only.
        if (message.connectionId === undefined) return;
        if (message.server !== wire.serverId) this.checkEpoch(message.epoch);
        else this.asked = this.bind(wire, message);
        return;
      case MessageType.RebindConnection:
        this.asked = this.bind(wire, message);
        return;
      case MessageType.CloseConnection: {
        const { migration } = message;
        const moved = migration && migration.reason !== 'rolledBack';
        if (moved && migration.server !== wire.serverId) this.lastWord(wire, false);
        const at = this.places.findIndex((it) => it.wire === wire && it.link === message.link);
        if (at >= 0) this.places.splice(at, 1);
      }
    }
  }

  private bind(wire: Wire, { link, epoch }: Binding, takenFrom?: string): Place {
    this.checkEpoch(epoch);
    const place = { wire, link, epoch, takenFrom };
    this.places.push(place);
    return place;
  }

  private lastWord({ serverId }: Wire, arrived: boolean) {
    if (!this.lastWords.has(serverId)) this.lastWords.set(serverId, arrived);
  }

  private checkEpoch(epoch: number) {
    if (epoch <= this.epoch) this.ledger.violate(3, `epoch ${epoch} after ${this.epoch}`);
    this.epoch = epoch;
  }

  private checkNotAcknowledged(data: string) {
    const seq = Number(data.split('|')[1]);
    if (this.acknowledged.has(seq)) {
      this.ledger.violate(1, `message ${seq} was acknowledged and is sent again`);
    }
  }

  private acknowledge({ count, ranges }: { count: number; ranges: readonly number[] }) {
    for (let seq = 1; seq <= count; seq++) this.acknowledged.add(seq);
    for (let i = 0; i < ranges.length; i += 2) {
      for (let seq = ranges[i]!; seq <= ranges[i + 1]!; seq++) this.acknowledged.add(seq);
    }
  }
}

const HIDDEN: ReadonlySet<string> = new Set(['type', 'request', 'endpoints', 'port', 'path']);

function describe(message: ControlMessage): string {
  const name = Object.entries(MessageType).find(([, type]) => type === message.type)?.[0];
  const fields = Object.entries(message).filter(([field]) => !HIDDEN.has(field));
  return `${name} ${JSON.stringify(Object.fromEntries(fields))}`;
}
